"""A small ledger that is right: two workers, three days, three models, all kinds of entries."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from fastgate.domain.entry import Closing, Entry, Opening, Outcome, Parties
from fastgate.domain.price import Price, Rate, identified
from fastgate.domain.usage import Usage
from fastgate.pricing.cost import cost_nano
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.prices import put_prices
from fastgate.store.ledger.write import Drained, LedgerAppender, Record, WriterPosition

HOUR_NS: Final = 3_600 * 10**9
DAY_NS: Final = 24 * HOUR_NS
FIRST_DAY_NS: Final = 1_793_491_200 * 10**9
"""2026-11-01T00:00:00Z."""

GPT: Final = identified(
    Price(
        id="",
        provider="openai",
        model="gpt-4o",
        source="test",
        rates=(
            Rate("cached_input_tokens", 1_250_000),
            Rate("input_tokens", 2_500_000, parts=("cached_input_tokens",)),
            Rate("output_tokens", 10_000_000),
        ),
    )
)
CLAUDE: Final = identified(
    Price(
        id="",
        provider="anthropic",
        model="claude-sonnet-4-6",
        source="test",
        rates=(Rate("input_tokens", 3_000_000), Rate("output_tokens", 15_000_000)),
    )
)
WRITERS: Final = ("00000000000000aa", "00000000000000bb")


def opening(**changes: Any) -> Opening:
    values: dict[str, Any] = {
        "request_id": "req",
        "attempt": 1,
        "virtual_key": "vk_acme",
        "customer": "acme",
        "teams": ("search", "product"),
        "tags": {"env": "prod"},
        "metadata": {"code": "4711"},
        "endpoint": "chat_completions",
        "stream": False,
        "requested_model": "gpt-4o",
        "provider": "openai",
        "deployment": "openai/gpt-4o",
        "credential": "main",
        "model": "gpt-4o-2024-08-06",
        "public_model": "gpt-4o",
        "hold_price": GPT.id,
        "held": 1_000_000,
        "input_tokens": 100,
    }
    values |= changes
    parties = {name: values.pop(name) for name in Parties.__struct_fields__}
    return Opening(Parties(**parties), **values)


def entry(id_: str, admitted_ns: int, usage: Usage, price: Price | None = GPT, **changes: Any) -> Entry:
    """`changes` are of the opening, or of the closing; the cost is what the price says."""
    closing: dict[str, Any] = {
        "id": id_,
        "admitted_ns": admitted_ns,
        "settled_ns": admitted_ns + 10**9,
        "outcome": Outcome.COMPLETE,
        "status": 200,
        "usage": usage,
        "price": "" if price is None else price.id,
        "estimated": False,
        "unpriced": price is None,
        "cost": 0 if price is None else cost_nano(price, usage),
        "charged": (7,),
        "duration_ms": 1_000,
        "ttft_ms": 100,
    }
    closing.update((name, changes.pop(name)) for name in list(changes) if name in Closing.__struct_fields__)
    return Entry(opening(**changes), Closing(**closing))


CLAUDES: Final = {
    "virtual_key": "vk_beta",
    "customer": "beta",
    "teams": (),
    "tags": {"env": "dev", "feature": "chat"},
    "metadata": {},
    "endpoint": "messages",
    "provider": "anthropic",
    "deployment": "anthropic/claude-sonnet-4-6",
    "model": "claude-sonnet-4-6",
    "public_model": "claude-sonnet-4-6",
    "requested_model": "claude-sonnet-4-6",
}
UNPRICED: Final = {
    "provider": "local",
    "deployment": "local/llama-3",
    "model": "llama-3",
    "public_model": "llama-3",
    "tags": {},
}


def entries() -> Iterator[tuple[str, Entry]]:
    """Writer and entry, in order of admission: 0.75 USD of OpenAI, 0.60045 USD of Anthropic."""
    first, second = WRITERS
    usage = Usage(input_tokens=60_000, cached_input_tokens=10_000, output_tokens=10_000)
    yield first, entry(f"{first}01", FIRST_DAY_NS + 2 * HOUR_NS, usage)
    yield second, entry(f"{second}01", FIRST_DAY_NS + 5 * HOUR_NS, usage, CLAUDE, **CLAUDES)
    yield first, entry(f"{first}02", FIRST_DAY_NS + DAY_NS, usage, tags={"env": "dev"})
    yield (
        first,
        entry(
            f"{first}03",
            FIRST_DAY_NS + DAY_NS + HOUR_NS,
            Usage(input_tokens=100, output_tokens=10),
            CLAUDE,
            outcome=Outcome.CANCELLED,
            estimated=True,
            **CLAUDES,
        ),
    )
    yield second, entry(f"{second}02", FIRST_DAY_NS + 2 * DAY_NS, usage, None, **UNPRICED)
    yield (
        second,
        entry(
            f"{second}03",
            FIRST_DAY_NS + 2 * DAY_NS + 3 * HOUR_NS,
            Usage(input_tokens=90_000, output_tokens=1),
            CLAUDE,
            outcome=Outcome.CUT,
            **CLAUDES,
        ),
    )
    yield first, entry(f"{first}04", FIRST_DAY_NS + 2 * DAY_NS + 4 * HOUR_NS, Usage(output_tokens=25_000))


def write(database: LedgerDatabase, recorded: Sequence[tuple[str, Entry]], batch: int = 3) -> None:
    """As the control process does, in batches of so many."""
    put_prices(database, [GPT, CLAUDE])
    appender = LedgerAppender(database)
    sequences: dict[str, int] = {}
    for start in range(0, len(recorded), batch):
        parts: dict[str, list[Record]] = {}
        for writer, each in recorded[start : start + batch]:
            sequences[writer] = sequences.get(writer, 0) + 1
            parts.setdefault(writer, []).append(Record(sequences[writer], each))
        appender.append(
            [
                Drained(
                    WriterPosition(writer, records[-1].sequence, 1, 64 * records[-1].sequence, False), records
                )
                for writer, records in parts.items()
            ]
        )


def create(data_dir: Path) -> None:
    """The SQLite ledger of a gateway that has its files there."""
    data_dir.mkdir(mode=0o700, exist_ok=True)
    database = LedgerDatabase.open(None, data_dir)
    try:
        write(database, list(entries()))
    finally:
        database.close()


def changed(each: Entry, **changes: Any) -> Entry:
    """With another closing."""
    return Entry(each.opening, msgspec.structs.replace(each.closing, **changes))
