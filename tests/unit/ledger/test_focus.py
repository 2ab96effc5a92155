"""The FOCUS export against what version 1.2 of the specification demands.

The lists are from FOCUS's requirements model 1.2 (github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec,
rules CostAndUsage-D-005 to -065, of which those ending in M are mandatory), read in November 2026; the
formats from its attributes NumericFormat, DateTimeFormat, UnitFormat and ColumnHandling.
"""

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from fastgate.domain.money import usd
from fastgate.ledger.focus import COLUMNS, DayOfUse, Type, rows
from fastgate.ledger.focus_csv import write_csv
from fastgate.ledger.focus_parquet import SCHEMA, write_parquet

MANDATORY = {
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ContractedCost",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "ServiceCategory",
    "ServiceName",
}
# What may be null in a row of usage; ChargeClass is null because it is no correction.
NULLABLE = {"ChargeClass", "SubAccountId", "SubAccountName", "SubAccountType"}
CONDITIONAL = {
    "ChargeFrequency",
    "ConsumedQuantity",
    "ConsumedUnit",
    "PricingCategory",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceSubcategory",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
}
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase", "Tax", "Credit", "Adjustment"},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "ServiceCategory": {"AI and Machine Learning"},
    "ServiceSubcategory": {"Generative AI"},
    "BillingCurrency": {"USD"},
    "PricingUnit": {"Tokens", "Requests"},
    "ConsumedUnit": {"Tokens", "Requests"},
}
FORMATS = {
    Type.TIME: re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z"),
    Type.MONEY: re.compile(r"-?\d+(\.\d+)?"),
    Type.COUNT: re.compile(r"\d+"),
}

USE = DayOfUse(
    day=20_758,  # 2026-11-01
    provider="openai",
    deployment="openai/gpt-4o",
    model="gpt-4o-2024-08-06",
    virtual_key="vk_acme",
    team="search",
    customer="acme",
    tags='{"env":"prod"}',
    metadata='{"code":"4711, \\"x\\""}',
    entries=3,
    cost=1,
    estimated_cost=0,
    input_tokens=100,
    cached_input_tokens=40,
    output_tokens=7,
)
USES = (
    USE,
    msgspec.structs.replace(
        USE, day=20_787, virtual_key="", team="", customer="", cost=12_345_678_901_234_567
    ),
    msgspec.structs.replace(USE, input_tokens=0, cached_input_tokens=0, output_tokens=0),
)


def table() -> list[dict[str, str]]:
    file = io.StringIO()
    assert write_csv(rows(USES), file) == len(USES)
    file.seek(0)
    return list(csv.DictReader(file))


def test_the_columns_are_those_of_the_specification_in_its_order() -> None:
    standard = [name for name in COLUMNS if not name.startswith("x_")]
    assert set(standard) == MANDATORY | CONDITIONAL
    assert list(COLUMNS) == [*sorted(standard), *sorted(COLUMNS.keys() - set(standard))]
    assert all(re.fullmatch(r"(x_)?[A-Z][A-Za-z]{,49}", name) for name in COLUMNS)


@pytest.mark.parametrize("number", range(len(USES)))
def test_each_value_has_the_format_of_its_column(number: int) -> None:
    row = table()[number]
    for name, type_ in COLUMNS.items():
        if not name.startswith("x_"):
            assert row[name] or name in NULLABLE, f"{name} is null"
        if type_ in FORMATS:
            assert FORMATS[type_].fullmatch(row[name]), f"{name} is {row[name]!r}"
        if type_ is Type.JSON:
            assert isinstance(msgspec.json.decode(row[name]), dict)
        if name in ALLOWED:
            assert row[name] in ALLOWED[name]


def test_costs_are_exact() -> None:
    first, second, _ = table()
    assert first["BilledCost"] == "0.000000001"
    assert second["BilledCost"] == "12345678.901234567"
    for row in (first, second):
        assert len({row[name] for name in ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")}) == 1


def test_periods_are_inclusive_then_exclusive() -> None:
    first, last, _ = table()
    assert [first[name] for name in ("ChargePeriodStart", "ChargePeriodEnd")] == [
        "2026-11-01T00:00:00Z",
        "2026-11-02T00:00:00Z",
    ]
    for row in (first, last):
        assert row["BillingPeriodStart"] == "2026-11-01T00:00:00Z"
        assert row["BillingPeriodEnd"] == "2026-12-01T00:00:00Z"
    assert last["ChargePeriodEnd"] == "2026-12-01T00:00:00Z"


def test_the_issuer_is_the_provider() -> None:
    """Else FOCUS 1.2 takes the row for a marketplace's, whose BilledCost must be 0 (BilledCost-C-005-C)."""
    for row in table():
        assert row["InvoiceIssuerName"] == row["ProviderName"] == row["PublisherName"]


def test_quantities_are_tokens_or_requests_where_there_are_none() -> None:
    quantities = [(row["PricingQuantity"], row["PricingUnit"], row["ConsumedQuantity"]) for row in table()]
    assert quantities == [("107", "Tokens", "107"), ("107", "Tokens", "107"), ("3", "Requests", "3")]


def test_one_call_is_one_request() -> None:
    (one,) = rows([msgspec.structs.replace(USE, entries=1)])
    (three,) = rows([USE])
    assert one["ChargeDescription"] == "gpt-4o-2024-08-06, 1 request"
    assert three["ChargeDescription"] == "gpt-4o-2024-08-06, 3 requests"


def test_parquet_has_the_same_rows_with_types(tmp_path: Path) -> None:
    path = tmp_path / "focus.parquet"
    assert write_parquet(rows(USES), path) == len(USES)
    read = pq.read_table(path)
    assert read.schema.equals(SCHEMA)
    first, second, _ = read.to_pylist()
    assert first["BilledCost"] == Decimal("0.000000001")
    assert second["BilledCost"] == Decimal("12345678.901234567")
    assert first["ChargePeriodStart"] == datetime(2026, 11, 1, tzinfo=UTC)
    assert first["Tags"] == '{"env":"prod"}'
    assert second["SubAccountId"] is None


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0.00"),
        (1, "0.000000001"),
        (-1, "-0.000000001"),
        (1_500_000_000, "1.50"),
        (-3_000_000_000, "-3.00"),
        (2**62, "4611686018.427387904"),
    ],
)
def test_money_as_text_is_exact(nano: int, text: str) -> None:
    assert usd(nano) == text
    assert Decimal(text) * 10**9 == nano
