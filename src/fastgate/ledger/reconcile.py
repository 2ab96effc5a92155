"""A provider's invoice against the ledger, per model and day, with what the differences come from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from fastgate.domain.money import NANO, usd
from fastgate.domain.price import Price
from fastgate.ledger.invoices.line import Kind, Line
from fastgate.ledger.invoices.model_name import model_key
from fastgate.ledger.invoices.read import Invoice

ALL_MODELS: Final = "all models"

_UNITS: Final = {
    Kind.INPUT: "input_tokens",
    Kind.CACHED_INPUT: "cached_input_tokens",
    Kind.CACHE_WRITE: "cache_write_tokens",
    Kind.OUTPUT: "output_tokens",
}
_OFFSETS: Final = tuple(timedelta(hours=hours) for hours in range(-12, 15))
_PICO_IN_USD: Final = 10**12


class Recorded(msgspec.Struct):
    """Ledger entries of one hour, model and price. `cost` and `estimated_cost` in nano-USD; the counts of
    tokens as in Usage: `input_tokens` includes the cached and the cache-written ones."""

    hour_ns: int
    model: str
    price: str
    entries: int
    cost: int
    input_tokens: int
    cached_input_tokens: int
    cache_write_tokens: int
    output_tokens: int
    estimated: int
    estimated_cost: int
    unpriced: int


class Cause(StrEnum):
    """Why an invoice and the ledger differ."""

    BESIDE_GATEWAY = "beside_gateway"
    NOT_INVOICED = "not_invoiced"
    ESTIMATED = "estimated"
    UNPRICED = "unpriced"
    PRICE = "price"
    ROUNDING = "rounding"
    TIME_ZONE = "time_zone"
    UNKNOWN = "unknown"


HARMLESS: Final = frozenset({Cause.ROUNDING, Cause.TIME_ZONE})


class Reason(msgspec.Struct, frozen=True):
    cause: Cause
    text: str


class Comparison(msgspec.Struct, frozen=True):
    """One model on the days from `first` to `last`. USD as text; None where the export has none."""

    first: date
    last: date
    model: str
    invoiced_usd: str | None
    recorded_usd: str
    difference_usd: str | None
    invoiced_tokens: int | None
    recorded_tokens: int
    entries: int
    reasons: list[Reason]

    @property
    def agrees(self) -> bool:
        return all(reason.cause in HARMLESS for reason in self.reasons)


class Reconciliation(msgspec.Struct, frozen=True):
    """`left_out_usd` are amounts of the invoice that are about no call, by what they are for."""

    agrees: bool
    timezone: str
    invoiced_usd: str | None
    recorded_usd: str
    comparisons: list[Comparison]
    left_out_usd: dict[str, str]


class _Side(msgspec.Struct):
    """What is known about one (days, model): the lines of the invoice and the sums of the ledger."""

    first: date
    last: date
    model: str
    lines: list[Line]
    recorded: list[Recorded]

    def invoiced(self) -> int | None:
        """Nano-USD, None if no line has money."""
        amounts = [line.usd for line in self.lines if line.usd is not None]
        return round(sum(amounts, Decimal()) * NANO) if amounts or not self.lines else None

    def cost(self) -> int:
        return sum(recorded.cost for recorded in self.recorded)

    def tokens(self) -> int | None:
        counts = [line.tokens for line in self.lines]
        known = [count for count in counts if count is not None]
        return round(sum(known, Decimal())) if known and len(known) == len(counts) else None

    def recorded_tokens(self) -> int:
        return sum(recorded.input_tokens + recorded.output_tokens for recorded in self.recorded)


def days_of(invoice: Invoice) -> tuple[date, date]:
    """The first and the last day that the invoice is about."""
    return min(line.first for line in invoice.lines), max(line.last for line in invoice.lines)


def reconcile(
    invoice: Invoice,
    recorded: Sequence[Recorded],
    prices: Mapping[str, Price],
    timezone: str,
    names: Mapping[str, str],
) -> Reconciliation:
    """`recorded` has a day more at each end than the invoice; `names` says which model the invoice means."""
    zone = ZoneInfo(timezone)
    by_model = any(line.model for line in invoice.lines)
    keys = {model_key(invoiced): model_key(meant) for invoiced, meant in names.items()}
    sides = _sides(invoice, recorded, zone, keys, by_model)
    shifts = _shifts(invoice, recorded, sides, keys, by_model)
    priced = any(line.usd is not None for line in invoice.lines)
    comparisons = [
        _compare(side, _tolerance(invoice, side), prices, shifts.get(model))
        for (_first, _last, model), side in sides.items()
    ]
    comparisons.sort(key=lambda comparison: (comparison.first, comparison.last, comparison.model))
    total = sum((side.invoiced() or 0 for side in sides.values()), 0)
    return Reconciliation(
        agrees=all(comparison.agrees for comparison in comparisons),
        timezone=timezone,
        invoiced_usd=usd(total) if priced else None,
        recorded_usd=usd(sum(side.cost() for side in sides.values())),
        comparisons=comparisons,
        left_out_usd={item.reason: usd(round(item.usd * NANO)) for item in invoice.left_out},
    )


_Key = tuple[date, date, str]


def _sides(
    invoice: Invoice,
    recorded: Iterable[Recorded],
    zone: ZoneInfo | timedelta,
    names: Mapping[str, str],
    by_model: bool,
) -> dict[_Key, _Side]:
    """Both sides by (first day, last day, key of the model). Entries of other days are left out."""
    sides: dict[_Key, _Side] = {}
    spans = _spans(invoice)
    for line in invoice.lines:
        key = model_key(line.model) if by_model else ""
        key = names.get(key, key)
        span = spans[line.first]
        side = sides.setdefault((*span, key), _Side(*span, line.model if by_model else ALL_MODELS, [], []))
        side.lines.append(line)
    for item in recorded:
        day = _day(item.hour_ns, zone)
        if day in spans:
            key, span = model_key(item.model) if by_model else "", spans[day]
            side = sides.setdefault(
                (*span, key), _Side(*span, item.model if by_model else ALL_MODELS, [], [])
            )
            side.recorded.append(item)
            if by_model:
                side.model = item.model
    return sides


def _spans(invoice: Invoice) -> dict[date, tuple[date, date]]:
    """What each day is compared within: itself, or the whole invoice where a line is about several days."""
    first, last = days_of(invoice)
    days = [first + timedelta(days=days) for days in range((last - first).days + 1)]
    daily = all(line.first == line.last for line in invoice.lines)
    return {day: (day, day) if daily else (first, last) for day in days}


def _day(hour_ns: int, zone: ZoneInfo | timedelta) -> date:
    moment = datetime.fromtimestamp(hour_ns // NANO, UTC)
    return (moment + zone if isinstance(zone, timedelta) else moment.astimezone(zone)).date()


def _tolerance(invoice: Invoice, side: _Side) -> int:
    """Nano-USD that rounding explains: half a last decimal for each line, half a nano-USD for each entry."""
    entries = sum(recorded.entries for recorded in side.recorded)
    lines = sum(line.count for line in side.lines) * invoice.resolution * NANO
    return int((lines + entries + 1) // 2)


def _shifts(
    invoice: Invoice,
    recorded: Sequence[Recorded],
    sides: Mapping[_Key, _Side],
    names: Mapping[str, str],
    by_model: bool,
) -> dict[str, timedelta]:
    """By key of a model that differs: the offset from UTC at which all its days agree, if there is one."""
    wrong = {key[2] for key, side in sides.items() if not _matches(invoice, side)}
    found: dict[str, timedelta] = {}
    for offset in _OFFSETS if wrong else ():
        moved = _sides(invoice, recorded, offset, names, by_model)
        for model in wrong - found.keys():
            days = [side for key, side in moved.items() if key[2] == model]
            if days and all(_matches(invoice, side) for side in days):
                found[model] = offset
    return found


def _matches(invoice: Invoice, side: _Side) -> bool:
    invoiced = side.invoiced()
    if invoiced is not None:
        return abs(invoiced - side.cost()) <= _tolerance(invoice, side)
    tokens = side.tokens()
    return tokens is None or tokens == side.recorded_tokens()


def _compare(side: _Side, tolerance: int, prices: Mapping[str, Price], shift: timedelta | None) -> Comparison:
    invoiced, cost, tokens = side.invoiced(), side.cost(), side.tokens()
    difference = None if invoiced is None else invoiced - cost
    reasons = list(_reasons(side, difference, tolerance, prices))
    if shift is not None and any(reason.cause not in HARMLESS for reason in reasons):
        hours = int(shift.total_seconds() // 3_600)
        reasons = [Reason(Cause.TIME_ZONE, f"all days agree when they are cut at UTC{hours:+03d}:00")]
    return Comparison(
        first=side.first,
        last=side.last,
        model=side.model,
        invoiced_usd=None if invoiced is None else usd(invoiced),
        recorded_usd=usd(cost),
        difference_usd=None if difference is None else usd(difference),
        invoiced_tokens=tokens,
        recorded_tokens=side.recorded_tokens(),
        entries=sum(recorded.entries for recorded in side.recorded),
        reasons=reasons,
    )


def _reasons(
    side: _Side, difference: int | None, tolerance: int, prices: Mapping[str, Price]
) -> Iterator[Reason]:
    tokens, recorded_tokens = side.tokens(), side.recorded_tokens()
    missing = None if tokens is None else tokens - recorded_tokens
    if difference is not None and abs(difference) <= tolerance:
        if difference:
            yield Reason(Cause.ROUNDING, f"no more than rounding: {usd(difference)} USD")
        return
    if difference is None and not missing:
        return
    if not side.recorded:
        yield Reason(Cause.BESIDE_GATEWAY, "no such call went through the gateway")
        return
    if not side.lines:
        yield Reason(Cause.NOT_INVOICED, "the invoice has nothing about it")
        return
    if missing is not None and missing > 0:
        yield Reason(
            Cause.BESIDE_GATEWAY,
            f"{missing:,} tokens more than the gateway saw: traffic beside it, or failed calls",
        )
    elif missing is not None and missing < 0:
        yield Reason(Cause.NOT_INVOICED, f"{-missing:,} tokens less than the gateway recorded")
    yield from _own_doubts(side.recorded)
    if difference is not None:
        prices_differ = list(_price_reasons(side, prices))
        yield from prices_differ
        if missing == 0 and not prices_differ:
            used = (
                ", ".join(sorted({recorded.price for recorded in side.recorded if recorded.price})) or "none"
            )
            yield Reason(Cause.PRICE, f"the same tokens at another price; the ledger used price {used}")
        elif missing is None and not prices_differ:
            yield Reason(
                Cause.UNKNOWN, "another price, or traffic beside the gateway: the export has no tokens"
            )


def _own_doubts(recorded: Sequence[Recorded]) -> Iterator[Reason]:
    estimated = sum(item.estimated for item in recorded)
    if estimated:
        cost = usd(sum(item.estimated_cost for item in recorded))
        yield Reason(Cause.ESTIMATED, f"{estimated:,} entries over {cost} USD are estimates")
    if unpriced := sum(item.unpriced for item in recorded):
        yield Reason(Cause.UNPRICED, f"{unpriced:,} entries had no price and count as 0")


def _price_reasons(side: _Side, prices: Mapping[str, Price]) -> Iterator[Reason]:
    """For each kind of token whose price shows in the invoice and is none of those that the ledger used."""
    used = [prices[item.price] for item in side.recorded if item.price in prices]
    for kind, unit in _UNITS.items():
        lines = [line for line in side.lines if line.kind is kind and line.tokens and line.usd is not None]
        tokens = sum((line.tokens for line in lines if line.tokens is not None), Decimal())
        if not tokens:
            continue
        paid = sum((line.usd for line in lines if line.usd is not None), Decimal()) / tokens
        ours = {
            Decimal(pico) / rate.per / _PICO_IN_USD
            for price in used
            for rate in price.rates
            if rate.unit == unit
            for pico in (rate.pico_usd, *(tier[1] for tier in rate.tiers))
        }
        # A thousandth of the price: what the rounding of an amount to cents may move it by.
        if ours and all(abs(paid - rate) * 1_000 > rate for rate in ours):
            listed = " or ".join(_per_million(rate) for rate in sorted(ours))
            ids = ", ".join(sorted({price.id for price in used}))
            yield Reason(
                Cause.PRICE,
                f"{kind} at {_per_million(paid)} USD per million tokens; the ledger: {listed} (price {ids})",
            )


def _per_million(rate: Decimal) -> str:
    text = f"{round(rate * 1_000_000, 4):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
