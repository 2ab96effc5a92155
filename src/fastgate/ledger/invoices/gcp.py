"""Google Cloud billing: the console's cost table and reports, and the table exported to BigQuery, as CSV."""

import re
from collections.abc import Iterable
from typing import Final

from fastgate.ledger.invoices.line import InvoiceError, Kind, LeftOut, Line, Parsed, Row

_SERVICES: Final = re.compile(r"vertex ai|gemini|generative language|claude|anthropic", re.IGNORECASE)
_FAMILY: Final = re.compile(
    r"\b(?:gemini|gemma|claude|llama|mistral|codestral|deepseek|qwen|gpt)\b.*", re.IGNORECASE
)
# Where the name of the model ends in the description of an SKU.
_REST: Final = re.compile(
    r"(?<=\w)[ -]+(?:ga|text|image|audio|video|input|output|cach\w+|thinking|short|long|batch|flex|priority|"
    r"token|tokens|predictions?|-).*",
    re.IGNORECASE,
)
_COSTS: Final = ("unrounded_subtotal", "unrounded_cost", "cost", "subtotal")
_FIRST: Final = ("date", "usage_start_date", "usage_start_time")
_USAGE: Final = frozenset({"", "usage", "regular"})


def costs(rows: Iterable[Row]) -> Parsed:
    """Lines of other services are passed over, and totals. A line of the cost table may span the month."""
    for row in rows:
        service, sku = row.text("service_description"), row.text("sku_description")
        if not sku or not _SERVICES.search(f"{service} {sku}"):
            continue
        if (currency := row.text("currency")) not in {"", "USD"}:
            raise InvoiceError(f"line {row.number}: the amount is in {currency}, and the ledger in USD")
        cost = row.number_of(next(column for column in _COSTS if column in row.cells))
        family = _FAMILY.search(sku)
        if row.text("credit_type") or row.text("cost_type").lower() not in _USAGE:
            yield LeftOut(row.text("credit_type") or row.text("cost_type"), cost)
        elif family is None or (kind := _kind(sku.lower())) is Kind.OTHER:
            yield LeftOut(sku, cost)
        else:
            first = row.date_of(next(column for column in _FIRST if column in row.cells))
            last = row.date_of("usage_end_date") if row.text("usage_end_date") else first
            counted = row.text("usage_unit").lower() in {"count", "tokens"}
            tokens = row.number_of("usage_amount") if counted else None
            yield Line(first, last, _REST.sub("", family[0]), kind, tokens, cost)


def _kind(sku: str) -> Kind:
    if "storage" in sku:
        return Kind.OTHER
    if "cach" in sku:
        return Kind.CACHE_WRITE if "write" in sku else Kind.CACHED_INPUT
    # `output token count … short input text` names both: what comes first is what is counted.
    places = {kind: sku.find(kind.value) for kind in (Kind.INPUT, Kind.OUTPUT) if kind.value in sku}
    return min(places, key=places.__getitem__) if places else Kind.OTHER
