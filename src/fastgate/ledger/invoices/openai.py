"""Exports of OpenAI's usage page: costs (`amount_value`), and usage of completions (`num_model_requests`)."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

from fastgate.ledger.invoices.line import InvoiceError, Kind, LeftOut, Line, Parsed, Row

_KINDS: Final = {
    "input": Kind.INPUT,
    "input_tokens": Kind.INPUT,
    "cached input": Kind.CACHED_INPUT,
    "input_cached_tokens": Kind.CACHED_INPUT,
    "output": Kind.OUTPUT,
    "output_tokens": Kind.OUTPUT,
}


def costs(rows: Iterable[Row]) -> Parsed:
    """`line_item` is `MODEL, KIND`, and empty where the export was not grouped by it."""
    for row in rows:
        if not row.text("amount_value"):
            continue  # a day without any cost
        if (currency := row.text("amount_currency").upper()) != "USD":
            raise InvoiceError(f"line {row.number}: the amount is in {currency}, and the ledger in USD")
        model, comma, kind = row.text("line_item").rpartition(",")
        amount = row.number_of("amount_value")
        if comma and kind.strip() in _KINDS:
            tokens = row.number_of("quantity") if row.text("quantity_unit") == "tokens" else None
            day = _day(row)
            yield Line(day, day, model, _KINDS[kind.strip()], tokens, amount)
        elif item := row.text("line_item"):
            yield LeftOut(item, amount)
        else:
            day = _day(row)
            yield Line(day, day, "", Kind.OTHER, None, amount)


def usage(rows: Iterable[Row]) -> Parsed:
    """No money, only tokens. `input_tokens` includes the cached ones."""
    for row in rows:
        if not row.text("model"):
            continue
        day, model = _day(row), row.text("model")
        cached = row.number_of("input_cached_tokens")
        yield Line(day, day, model, Kind.INPUT, row.number_of("input_tokens") - cached)
        yield Line(day, day, model, Kind.CACHED_INPUT, cached)
        yield Line(day, day, model, Kind.OUTPUT, row.number_of("output_tokens"))


def _day(row: Row) -> date:
    if row.text("start_time_iso"):
        return row.date_of("start_time_iso")
    return datetime.fromtimestamp(int(row.number_of("start_time")), UTC).date()
