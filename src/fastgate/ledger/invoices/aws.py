"""AWS cost and usage reports, 2.0 and legacy (`lineItem/UsageType`): the lines of Bedrock."""

import re
from collections.abc import Iterable
from typing import Final

from fastgate.ledger.invoices.line import InvoiceError, Kind, LeftOut, Line, Parsed, Row

# `USE1-Claude4.6Sonnet-cache-read-input-token-count-cross-region-global`
_USAGE_TYPE: Final = re.compile(
    r"(?:[A-Z]{2,4}\d?-)?(?P<model>.+?)-(?:mantle-)?(?P<kind>cache-read-input|cache-write-input|input|output)-token"
)
# `USE1-InputTokenCount-anthropic.claude-3-sonnet-v1:0`
_MODEL_LAST: Final = re.compile(r"(?:[A-Z]{2,4}\d?-)?(?P<kind>Input|Output)TokenCount-(?P<model>.+)")
_KINDS: Final = {
    "cache-read-input": Kind.CACHED_INPUT,
    "cache-write-input": Kind.CACHE_WRITE,
    "input": Kind.INPUT,
    "output": Kind.OUTPUT,
}
_UNITS: Final = {"1K tokens": 1_000, "1M tokens": 1_000_000, "Tokens": 1}
_USAGE: Final = frozenset({"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"})


def costs(rows: Iterable[Row]) -> Parsed:
    """Lines of other services are passed over. `line_item_usage_amount` counts in `pricing_unit`."""
    for row in rows:
        if row.text("line_item_product_code") != "AmazonBedrock":
            continue
        cost, kind = row.number_of("line_item_unblended_cost"), row.text("line_item_line_item_type")
        if (currency := row.text("line_item_currency_code")) not in {"", "USD"}:
            raise InvoiceError(f"line {row.number}: the amount is in {currency}, and the ledger in USD")
        usage_type = row.text("line_item_usage_type")
        match = _USAGE_TYPE.match(usage_type) or _MODEL_LAST.fullmatch(usage_type)
        if kind and kind not in _USAGE:
            yield LeftOut(kind, cost)
        elif match is None:
            yield LeftOut(usage_type, cost)
        else:
            day, unit = row.date_of("line_item_usage_start_date"), _UNITS.get(row.text("pricing_unit"))
            tokens = None if unit is None else row.number_of("line_item_usage_amount") * unit
            yield Line(day, day, match["model"], _KINDS[match["kind"].lower()], tokens, cost)
