"""Exports of Anthropic's console: the cost page (`cost_usd`) and the usage page (`usage_output_tokens`)."""

from collections.abc import Iterable
from typing import Final

from fastgate.ledger.invoices.line import Kind, LeftOut, Line, Parsed, Row

_KINDS: Final = {
    "input_no_cache": Kind.INPUT,
    "input_cache_read": Kind.CACHED_INPUT,
    "input_cache_write_5m": Kind.CACHE_WRITE,
    "input_cache_write_1h": Kind.CACHE_WRITE,
    "output": Kind.OUTPUT,
}


def costs(rows: Iterable[Row]) -> Parsed:
    """`model` is a display name (`Claude Sonnet 4.5`)."""
    for row in rows:
        day, cost = row.date_of("usage_date_utc"), row.number_of("cost_usd")
        if kind := _KINDS.get(row.text("token_type")):
            yield Line(day, day, row.text("model"), kind, None, cost)
        else:
            yield LeftOut(row.text("cost_type") or "other", cost)


def usage(rows: Iterable[Row]) -> Parsed:
    """No money, only tokens, per hour or day."""
    for row in rows:
        day, model = row.date_of("usage_date_utc"), row.text("model_version")
        for kind in ("input_no_cache", "input_cache_read", "input_cache_write_5m", "input_cache_write_1h"):
            column = kind.replace("input", "usage_input_tokens", 1)
            yield Line(day, day, model, _KINDS[kind], row.number_of(column))
        yield Line(day, day, model, Kind.OUTPUT, row.number_of("usage_output_tokens"))
