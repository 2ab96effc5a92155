"""Ledger entries as rows: tuples of text and integers, in the order of the columns of `schema.ENTRIES`."""

from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from fastgate.domain.entry import Closing, Entry, Opening, Outcome
from fastgate.domain.usage import Usage
from fastgate.store.ledger.schema import ENTRIES, USAGE_COUNTS

Row: TypeAlias = tuple[Any, ...]

COLUMNS: Final = tuple(column.name for column in ENTRIES.columns)
"""The names, in order."""
INDEX: Final = {name: index for index, name in enumerate(COLUMNS)}
"""Where in a row a column is."""

LARGEST: Final = (1 << 56) - 1
"""Of a count or a cost: what a budget's counter can hold; a hundred of them still add up to 64 bits."""

_to_json: Final = msgspec.json.Encoder(order="sorted").encode
_teams: Final = msgspec.json.Decoder(tuple[str, ...]).decode
_texts: Final = msgspec.json.Decoder(dict[str, str]).decode
_counts: Final = msgspec.json.Decoder(dict[str, int]).decode
_ids: Final = msgspec.json.Decoder(tuple[int, ...]).decode


class LedgerEntry(NamedTuple):
    """`number` is its place in the ledger; `writer` and `sequence` are its place in a journal."""

    number: int
    batch: int
    writer: str
    sequence: int
    entry: Entry


def row_of(number: int, batch: int, writer: str, sequence: int, entry: Entry) -> Row:
    """ValueError: a count or a cost that no call can have."""
    opening, closing = entry.opening, entry.closing
    usage = closing.usage
    counts = (
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_input_tokens,
        usage.cache_write_tokens,
        usage.cache_write_1h_tokens,
        usage.reasoning_tokens,
        usage.input_audio_tokens,
        usage.output_audio_tokens,
        usage.cached_audio_tokens,
        usage.input_image_tokens,
        usage.output_image_tokens,
        usage.cached_image_tokens,
        usage.audio_ms,
        usage.input_audio_ms,
        usage.images,
        usage.pages,
        usage.web_searches,
    )
    if max(counts) > LARGEST or min(counts) < 0 or not 0 <= closing.cost <= LARGEST:
        raise ValueError(f"the ledger entry {closing.id} has an impossible count or cost")
    return (
        number,
        batch,
        writer,
        sequence,
        closing.id,
        _text(opening.request_id),
        opening.attempt,
        opening.virtual_key,
        opening.customer,
        _json(opening.teams),
        _json(opening.tags),
        _json(opening.metadata),
        opening.endpoint,
        int(opening.stream),
        _text(opening.requested_model),
        opening.provider,
        opening.deployment,
        opening.credential,
        _text(opening.model),
        opening.public_model,
        opening.hold_price,
        opening.held,
        opening.input_tokens,
        closing.admitted_ns,
        closing.settled_ns,
        closing.outcome.value,
        closing.status,
        *counts,
        _json(usage.other or {}),
        _text(usage.service_tier or ""),
        closing.price,
        int(closing.estimated),
        int(closing.unpriced),
        closing.cost,
        _json(closing.charged),
        closing.duration_ms,
        closing.ttft_ms,
    )


def ledger_entry(row: Row) -> LedgerEntry:
    """The opposite of `row_of`. ValueError: a column has what no entry has."""
    try:
        return _entry_of(row)
    except (msgspec.DecodeError, TypeError, ValueError) as error:
        raise ValueError(f"the ledger entry number {row[0]} cannot be read: {error}") from None


def _entry_of(row: Row) -> LedgerEntry:
    at = dict(zip(COLUMNS, row, strict=True))
    usage = Usage(
        **{name: at[name] for name in USAGE_COUNTS},
        other=_counts(at["other"]) or None,
        service_tier=at["service_tier"] or None,
    )
    opening = Opening(
        request_id=at["request_id"],
        attempt=at["attempt"],
        virtual_key=at["virtual_key"],
        customer=at["customer"],
        teams=_teams(at["teams"]),
        tags=_texts(at["tags"]),
        metadata=_texts(at["metadata"]),
        endpoint=at["endpoint"],
        stream=bool(at["stream"]),
        requested_model=at["requested_model"],
        provider=at["provider"],
        deployment=at["deployment"],
        credential=at["credential"],
        model=at["model"],
        public_model=at["public_model"],
        hold_price=at["hold_price"],
        held=at["held"],
        input_tokens=at["estimated_input_tokens"],
    )
    closing = Closing(
        id=at["id"],
        admitted_ns=at["admitted_ns"],
        settled_ns=at["settled_ns"],
        outcome=Outcome(at["outcome"]),
        status=at["status"],
        usage=usage,
        price=at["price"],
        estimated=bool(at["estimated"]),
        unpriced=bool(at["unpriced"]),
        cost=at["cost"],
        charged=_ids(at["charged"]),
        duration_ms=at["duration_ms"],
        ttft_ms=at["ttft_ms"],
    )
    return LedgerEntry(at["number"], at["batch"], at["writer"], at["sequence"], Entry(opening, closing))


def _json(value: object) -> str:
    return _to_json(value).decode()


def _text(value: str) -> str:
    """Of a client or a provider: it may have a NUL, which PostgreSQL does not take."""
    return value.replace("\0", "\ufffd")
