"""What `fastgate spend` tells: sums of ledger entries by fields and periods."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from fastgate.cli.errors import UsageError
from fastgate.cli.ledger_place import NS, Window
from fastgate.domain.money import usd
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.spend import COLUMN_FIELDS, ENTRY_FIELDS, Sums, spend

_NAMES: Final = {"key": "virtual_key"}
"""What the ledger calls otherwise."""
FIELDS: Final = (
    "key",
    "team",
    "tag",
    *(name for name in COLUMN_FIELDS if name != "virtual_key"),
    *ENTRY_FIELDS,
)
PERIODS: Final = {"hour": "%Y-%m-%dT%H:00%z", "day": "%Y-%m-%d", "month": "%Y-%m"}
SUMS: Final = ("requests", "input_tokens", "output_tokens", "estimated", "unpriced", "cost_usd")
TOTAL: Final = "total"

_PREFIXES: Final = ("tag:", "metadata:")


class SpendRow(msgspec.Struct, frozen=True):
    """Sums of all calls that are alike in the fields asked for. `cost` in nano-USD."""

    values: tuple[str, ...]
    requests: int
    input_tokens: int
    output_tokens: int
    estimated: int
    unpriced: int
    cost: int

    def cells(self) -> tuple[str, ...]:
        counts = (self.requests, self.input_tokens, self.output_tokens, self.estimated, self.unpriced)
        return (*self.values, *map(str, counts), usd(self.cost))

    def as_object(self, fields: Sequence[str]) -> dict[str, str | int]:
        counts = (self.requests, self.input_tokens, self.output_tokens, self.estimated, self.unpriced)
        return {
            **dict(zip(fields, self.values, strict=True)),
            **dict(zip(SUMS, counts, strict=False)),
            "cost_usd": usd(self.cost),
        }


def parse_fields(given: Iterable[str]) -> list[str]:
    """Each once, in the order given. UsageError for one that there is not."""
    fields = list(dict.fromkeys(field.strip() for text in given for field in text.split(",")))
    for field in fields:
        if field not in PERIODS:
            _check(field)
    return fields


def parse_filters(given: Iterable[str]) -> dict[str, str]:
    """By name of the ledger's field. UsageError."""
    filters = {}
    for text in given:
        field, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--filter {text}: write FIELD=VALUE")
        _check(field)
        filters[_NAMES.get(field, field)] = value
    return filters


def _check(field: str) -> None:
    from fastgate.config.diagnostics import did_you_mean

    named = field.startswith(_PREFIXES) and not field.endswith(":")
    if field not in FIELDS and not named:
        known = (*FIELDS, *PERIODS, "tag:NAME", "metadata:NAME")
        hint = did_you_mean(field, known) or f"there are {', '.join(known)}"
        raise UsageError(f"the ledger has no field {field!r}: {hint}")


def collect(
    database: LedgerDatabase, fields: Sequence[str], span: Window, zone: ZoneInfo, filters: Mapping[str, str]
) -> list[SpendRow]:
    """By period, then the dearest first."""
    plain = [_NAMES.get(field, field) for field in fields if field not in PERIODS]
    finest = next((period for period in PERIODS if period in fields), None)
    rows = []
    for start, since_ns, until_ns in _periods(span, finest, zone):
        found = spend(database, plain, since_ns, until_ns, filters)
        rows += sorted(
            (_row(_values(fields, start, values), sums) for values, sums in found.items()),
            key=lambda row: (-row.cost, row.values),
        )
    return rows


def total(
    database: LedgerDatabase, fields: Sequence[str], span: Window, filters: Mapping[str, str]
) -> SpendRow:
    """Of all calls, each once: by team or tag, a call is in the sum of every one that it has."""
    values = (TOTAL, *[""] * (len(fields) - 1))
    found = spend(database, (), span.since_ns, span.until_ns, filters)
    return _row(values, found[()]) if found else SpendRow(values, 0, 0, 0, 0, 0, 0)


def _row(values: tuple[str, ...], sums: Sums) -> SpendRow:
    return SpendRow(
        values,
        sums.entries,
        sums.usage.input_tokens,
        sums.usage.output_tokens,
        sums.estimated,
        sums.unpriced,
        sums.cost,
    )


def _values(fields: Sequence[str], start: datetime, found: Sequence[object]) -> tuple[str, ...]:
    remaining = iter(found)
    return tuple(
        start.strftime(PERIODS[field]) if field in PERIODS else str(next(remaining)) for field in fields
    )


def _periods(span: Window, finest: str | None, zone: ZoneInfo) -> Iterator[tuple[datetime, int, int]]:
    """What the zone's calendar cuts the span into: how each part begins there, and its bounds."""
    since_ns = span.since_ns
    while since_ns < span.until_ns:
        start = _floor(datetime.fromtimestamp(since_ns // NS, UTC).astimezone(zone), finest)
        until_ns = span.until_ns if finest is None else min(_end_ns(start, finest), span.until_ns)
        yield start, since_ns, until_ns
        since_ns = until_ns


def _floor(moment: datetime, period: str | None) -> datetime:
    match period:
        case "hour":
            return moment.replace(minute=0, second=0)
        case "day":
            return moment.replace(hour=0, minute=0, second=0, fold=0)
        case "month":
            return moment.replace(day=1, hour=0, minute=0, second=0, fold=0)
        case _:
            return moment


def _end_ns(start: datetime, period: str) -> int:
    match period:
        case "hour":
            end = (start.astimezone(UTC) + timedelta(hours=1)).astimezone(start.tzinfo)
        case "day":
            end = start + timedelta(days=1)
        case _:
            end = (start + timedelta(days=31)).replace(day=1)
    return int(end.timestamp()) * NS
