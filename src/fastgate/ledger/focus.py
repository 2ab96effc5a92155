"""Rows of the FinOps Open Cost and Usage Specification, version 1.2 (https://focus.finops.org).

The provider of the model is the FOCUS provider, what is paid there one billing account, and the virtual key
the sub account. A price has several rates, which one row cannot say, so no unit price is given; all four
costs are what the ledger has.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final

import msgspec

from fastgate.domain.money import NANO


class Type(Enum):
    """Data types of FOCUS; MONEY and COUNT are both its Decimal."""

    TEXT = "text"
    JSON = "json"
    TIME = "time"
    MONEY = "money"
    COUNT = "count"


COLUMNS: Final = {
    "BilledCost": Type.MONEY,
    "BillingAccountId": Type.TEXT,
    "BillingAccountName": Type.TEXT,
    "BillingAccountType": Type.TEXT,
    "BillingCurrency": Type.TEXT,
    "BillingPeriodEnd": Type.TIME,
    "BillingPeriodStart": Type.TIME,
    "ChargeCategory": Type.TEXT,
    "ChargeClass": Type.TEXT,
    "ChargeDescription": Type.TEXT,
    "ChargeFrequency": Type.TEXT,
    "ChargePeriodEnd": Type.TIME,
    "ChargePeriodStart": Type.TIME,
    "ConsumedQuantity": Type.COUNT,
    "ConsumedUnit": Type.TEXT,
    "ContractedCost": Type.MONEY,
    "EffectiveCost": Type.MONEY,
    "InvoiceIssuerName": Type.TEXT,
    "ListCost": Type.MONEY,
    "PricingCategory": Type.TEXT,
    "PricingQuantity": Type.COUNT,
    "PricingUnit": Type.TEXT,
    "ProviderName": Type.TEXT,
    "PublisherName": Type.TEXT,
    "ResourceId": Type.TEXT,
    "ResourceName": Type.TEXT,
    "ResourceType": Type.TEXT,
    "ServiceCategory": Type.TEXT,
    "ServiceName": Type.TEXT,
    "ServiceSubcategory": Type.TEXT,
    "SubAccountId": Type.TEXT,
    "SubAccountName": Type.TEXT,
    "SubAccountType": Type.TEXT,
    "Tags": Type.JSON,
    "x_CachedInputTokens": Type.COUNT,
    "x_CustomerId": Type.TEXT,
    "x_EstimatedCost": Type.MONEY,
    "x_InputTokens": Type.COUNT,
    "x_Metadata": Type.JSON,
    "x_OutputTokens": Type.COUNT,
    "x_Requests": Type.COUNT,
    "x_TeamId": Type.TEXT,
}

Value = str | datetime | Decimal | int | None

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)


class DayOfUse(msgspec.Struct, frozen=True):
    """All that one virtual key consumed of one thing on a day of UTC, the `day`-th since the epoch.

    Costs in nano-USD; `tags` and `metadata` as JSON; `team` is the innermost.
    """

    day: int
    provider: str
    deployment: str
    model: str
    virtual_key: str
    team: str
    customer: str
    tags: str
    metadata: str
    entries: int
    cost: int
    estimated_cost: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int


def rows(uses: Iterable[DayOfUse]) -> Iterator[dict[str, Value]]:
    """A row for each, with all columns."""
    for use in uses:
        start = _EPOCH + use.day * _DAY
        month = start.replace(day=1)
        cost = _usd(use.cost)
        tokens = use.input_tokens + use.output_tokens
        quantity, unit = (tokens, "Tokens") if tokens else (use.entries, "Requests")
        yield {
            "BilledCost": cost,
            "BillingAccountId": use.provider,
            "BillingAccountName": use.provider,
            "BillingAccountType": "Provider",
            "BillingCurrency": "USD",
            "BillingPeriodEnd": (month + 31 * _DAY).replace(day=1),
            "BillingPeriodStart": month,
            "ChargeCategory": "Usage",
            "ChargeClass": None,
            "ChargeDescription": f"{use.model}, {use.entries} request{'' if use.entries == 1 else 's'}",
            "ChargeFrequency": "Usage-Based",
            "ChargePeriodEnd": start + _DAY,
            "ChargePeriodStart": start,
            "ConsumedQuantity": quantity,
            "ConsumedUnit": unit,
            "ContractedCost": cost,
            "EffectiveCost": cost,
            "InvoiceIssuerName": use.provider,
            "ListCost": cost,
            "PricingCategory": "Standard",
            "PricingQuantity": quantity,
            "PricingUnit": unit,
            "ProviderName": use.provider,
            "PublisherName": use.provider,
            "ResourceId": use.deployment,
            "ResourceName": use.model,
            "ResourceType": "Model",
            "ServiceCategory": "AI and Machine Learning",
            "ServiceName": f"{use.provider} API",
            "ServiceSubcategory": "Generative AI",
            "SubAccountId": use.virtual_key or None,
            "SubAccountName": use.virtual_key or None,
            "SubAccountType": "Virtual Key" if use.virtual_key else None,
            "Tags": use.tags,
            "x_CachedInputTokens": use.cached_input_tokens,
            "x_CustomerId": use.customer or None,
            "x_EstimatedCost": _usd(use.estimated_cost),
            "x_InputTokens": use.input_tokens,
            "x_Metadata": use.metadata,
            "x_OutputTokens": use.output_tokens,
            "x_Requests": use.entries,
            "x_TeamId": use.team or None,
        }


def _usd(nano: int) -> Decimal:
    return Decimal(nano) / NANO
