"""Ledger entries as rows: tuples of text and integers, in the order of the columns of `schema.ENTRIES`."""

from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from fastgate.domain.entry import Closing, Entry, Opening, Outcome, Parties
from fastgate.domain.per_parties import PerParties
from fastgate.domain.usage import Usage
from fastgate.store.ledger.schema import ENTRIES, USAGE_COUNTS

Row: TypeAlias = tuple[Any, ...]

COLUMNS: Final = tuple(column.name for column in ENTRIES.columns)
"""The names, in order."""
INDEX: Final = {name: index for index, name in enumerate(COLUMNS)}
"""Where in a row a column is."""

LARGEST: Final = (1 << 56) - 1
"""Of a count or a cost: what a budget's counter can hold; a hundred of them still add up to 64 bits."""

_counts_of: Final = attrgetter(*USAGE_COUNTS)
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


def checked_counts(closing: Closing) -> tuple[int, ...]:
    """The USAGE_COUNTS. ValueError: a count or a cost that no call can have."""
    counts = _counts_of(closing.usage)
    if max(counts) > LARGEST or min(counts) < 0 or not 0 <= closing.cost <= LARGEST:
        raise ValueError(f"the ledger entry {closing.id} has an impossible count or cost")
    return counts


class Rows:
    """Makes rows of entries."""

    def __init__(self) -> None:
        self._of_parties = PerParties(_columns_of)

    def row(self, number: int, batch: int, writer: str, sequence: int, entry: Entry) -> Row:
        """ValueError, as `checked_counts`."""
        opening, closing = entry.opening, entry.closing
        usage, counts = closing.usage, checked_counts(closing)
        who, where = self._of_parties.of(opening.parties)
        return (
            number,
            batch,
            writer,
            sequence,
            closing.id,
            _text(opening.request_id),
            opening.attempt,
            *who,
            int(opening.stream),
            _text(opening.requested_model),
            *where,
            opening.hold_price,
            opening.held,
            opening.input_tokens,
            closing.admitted_ns,
            closing.settled_ns,
            closing.outcome.value,
            closing.status,
            *counts,
            _json(usage.other) if usage.other else "{}",
            _text(usage.service_tier) if usage.service_tier else "",
            closing.price,
            int(closing.estimated),
            int(closing.unpriced),
            closing.cost,
            _json(closing.charged),
            closing.duration_ms,
            closing.ttft_ms,
        )


def _columns_of(parties: Parties) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those in front of `stream`, and those from `provider` to `public_model`."""
    who = (
        parties.virtual_key,
        parties.customer,
        _json(parties.teams),
        _json(parties.tags),
        _json(parties.metadata),
        parties.endpoint,
    )
    where = (
        parties.provider,
        parties.deployment,
        parties.credential,
        _text(parties.model),
        parties.public_model,
    )
    return who, where


def ledger_entry(row: Row) -> LedgerEntry:
    """The opposite of `Rows.row`. ValueError: a column has what no entry has."""
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
        Parties(
            virtual_key=at["virtual_key"],
            customer=at["customer"],
            teams=_teams(at["teams"]),
            tags=_texts(at["tags"]),
            metadata=_texts(at["metadata"]),
            endpoint=at["endpoint"],
            provider=at["provider"],
            deployment=at["deployment"],
            credential=at["credential"],
            model=at["model"],
            public_model=at["public_model"],
        ),
        request_id=at["request_id"],
        attempt=at["attempt"],
        stream=bool(at["stream"]),
        requested_model=at["requested_model"],
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
    return value.replace("\0", "\ufffd") if "\0" in value else value
