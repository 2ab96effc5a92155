"""An invoice against the ledger: what agrees, and what each difference is put down to."""

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest

from fastgate.domain.price import Price, Rate
from fastgate.ledger.invoices.line import Kind, LeftOut, Line
from fastgate.ledger.invoices.read import Invoice
from fastgate.ledger.invoices.vendor import Vendor
from fastgate.ledger.reconcile import Cause, Comparison, Recorded, reconcile

DAY = date(2026, 11, 2)
GPT = Price(
    id="p1",
    provider="openai",
    model="gpt-4o",
    source="test",
    rates=(Rate("input_tokens", 2_500_000), Rate("output_tokens", 10_000_000)),
)


def invoice(*lines: Line, resolution: str = "0.000001") -> Invoice:
    return Invoice(Vendor.OPENAI, "UTC", list(lines), [], Decimal(resolution))


def line(kind: Kind, tokens: int | None, usd: str | None, day: date = DAY, model: str = "gpt-4o") -> Line:
    return Line(
        day,
        day,
        model,
        kind,
        None if tokens is None else Decimal(tokens),
        None if usd is None else Decimal(usd),
    )


def hour(day: date, number: int = 12) -> int:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(start.timestamp() + number * 3_600) * 1_000_000_000


RECORDED = Recorded(
    hour_ns=hour(DAY),
    model="gpt-4o-2024-08-06",
    price="p1",
    entries=10,
    cost=250_000_000,
    input_tokens=20_000,
    cached_input_tokens=0,
    cache_write_tokens=0,
    output_tokens=20_000,
    estimated=0,
    estimated_cost=0,
    unpriced=0,
)
LINES = (line(Kind.INPUT, 20_000, "0.05"), line(Kind.OUTPUT, 20_000, "0.2"))


def with_(**changes: object) -> Recorded:
    return msgspec.structs.replace(RECORDED, **changes)


def single(invoiced: Invoice, *recorded: Recorded) -> Comparison:
    result = reconcile(invoiced, recorded, {"p1": GPT}, "UTC", {})
    (comparison,) = result.comparisons
    assert result.agrees is comparison.agrees
    return comparison


def causes(comparison: Comparison) -> list[Cause]:
    return [reason.cause for reason in comparison.reasons]


def test_what_is_the_same_agrees() -> None:
    assert single(invoice(*LINES), RECORDED) == Comparison(
        first=DAY,
        last=DAY,
        model="gpt-4o-2024-08-06",
        invoiced_usd="0.25",
        recorded_usd="0.25",
        difference_usd="0.00",
        invoiced_tokens=40_000,
        recorded_tokens=40_000,
        entries=10,
        reasons=[],
    )


def test_rounding_of_the_invoice_is_no_difference() -> None:
    cents = invoice(line(Kind.INPUT, None, "0.05"), line(Kind.OUTPUT, None, "0.20"), resolution="0.01")
    found = single(cents, with_(cost=254_000_000))
    assert (causes(found), found.agrees, found.difference_usd) == ([Cause.ROUNDING], True, "-0.004")
    beyond = single(cents, with_(cost=260_000_006))
    assert not beyond.agrees


def test_rounding_of_the_entries_is_half_a_nano_for_each() -> None:
    exact = invoice(*LINES, resolution="1E-30")
    assert single(exact, with_(cost=250_000_005)).agrees
    assert not single(exact, with_(cost=250_000_006)).agrees


def test_traffic_beside_the_gateway() -> None:
    found = single(invoice(*LINES, line(Kind.INPUT, 1_000, "0.0025")), RECORDED)
    assert causes(found) == [Cause.BESIDE_GATEWAY]
    assert found.reasons[0].text.startswith("1,000 tokens more than the gateway saw")
    assert found.difference_usd == "0.0025"


def test_a_model_that_never_went_through_the_gateway() -> None:
    other = line(Kind.INPUT, 4, "0.01", model="o3")
    result = reconcile(invoice(*LINES, other), [RECORDED], {}, "UTC", {})
    assert [(found.model, causes(found)) for found in result.comparisons] == [
        ("gpt-4o-2024-08-06", []),
        ("o3", [Cause.BESIDE_GATEWAY]),
    ]
    assert not result.agrees


def test_what_is_not_invoiced() -> None:
    lines = invoice(*LINES, line(Kind.INPUT, 20_000, "0.05", date(2026, 11, 4)))
    late = with_(hour_ns=hour(date(2026, 11, 3)))
    result = reconcile(
        lines,
        [RECORDED, late, with_(hour_ns=hour(date(2026, 11, 4)), cost=50_000_000, output_tokens=0)],
        {},
        "UTC",
        {},
    )
    assert [(found.first.day, causes(found)) for found in result.comparisons] == [
        (2, []),
        (3, [Cause.NOT_INVOICED]),
        (4, []),
    ]
    fewer = single(invoice(line(Kind.INPUT, 20_000, "0.05")), RECORDED)
    assert causes(fewer) == [Cause.NOT_INVOICED]
    assert fewer.reasons[0].text == "20,000 tokens less than the gateway recorded"


def test_estimates_and_entries_without_a_price_are_named() -> None:
    found = single(
        invoice(*LINES), with_(cost=200_000_000, estimated=3, estimated_cost=20_000_000, unpriced=2)
    )
    assert causes(found) == [Cause.ESTIMATED, Cause.UNPRICED, Cause.PRICE]
    assert [reason.text for reason in found.reasons[:2]] == [
        "3 entries over 0.02 USD are estimates",
        "2 entries had no price and count as 0",
    ]


def test_another_price_is_named_with_the_ledgers() -> None:
    dearer = invoice(line(Kind.INPUT, 20_000, "0.06"), line(Kind.OUTPUT, 20_000, "0.2"))
    found = single(dearer, RECORDED)
    assert causes(found) == [Cause.PRICE]
    assert found.reasons[0].text == "input at 3 USD per million tokens; the ledger: 2.5 (price p1)"


def test_a_price_is_told_apart_even_where_tokens_are_missing_too() -> None:
    dearer = invoice(line(Kind.INPUT, 30_000, "0.09"), line(Kind.OUTPUT, 20_000, "0.2"))
    assert causes(single(dearer, RECORDED)) == [Cause.BESIDE_GATEWAY, Cause.PRICE]


def test_an_export_without_tokens_leaves_it_open() -> None:
    found = single(invoice(line(Kind.INPUT, None, "0.30")), RECORDED)
    assert causes(found) == [Cause.UNKNOWN]
    assert found.invoiced_tokens is None


def test_an_export_without_money_is_compared_by_tokens() -> None:
    usage = invoice(line(Kind.INPUT, 20_000, None), line(Kind.OUTPUT, 20_000, None))
    found = single(usage, RECORDED)
    assert (found.invoiced_usd, found.difference_usd, found.reasons) == (None, None, [])
    more = invoice(line(Kind.INPUT, 20_001, None), line(Kind.OUTPUT, 20_000, None))
    assert causes(single(more, RECORDED)) == [Cause.BESIDE_GATEWAY]


def test_days_of_another_time_zone_are_recognised() -> None:
    """The invoice's days begin at 07:00 UTC; each holds one call of the evening before."""
    evening, noon = (
        with_(hour_ns=hour(date(2026, 11, 3), 3)),
        with_(hour_ns=hour(date(2026, 11, 3)), cost=1_000),
    )
    lines = invoice(
        *LINES, Line(date(2026, 11, 3), date(2026, 11, 3), "gpt-4o", Kind.INPUT, None, Decimal("0.000001"))
    )
    result = reconcile(lines, [evening, noon], {}, "UTC", {})
    assert result.agrees
    assert [causes(found) for found in result.comparisons] == [[Cause.TIME_ZONE], [Cause.TIME_ZONE]]
    assert "UTC-" in result.comparisons[0].reasons[0].text
    right = reconcile(lines, [evening, noon], {}, "America/Los_Angeles", {})
    assert [causes(found) for found in right.comparisons] == [[], []]


def test_no_time_zone_explains_a_model_that_is_not_invoiced() -> None:
    """Cut elsewhere, its only call would be on a day before those of the invoice."""
    other = with_(hour_ns=hour(date(2026, 11, 2), 3), model="gpt-4o-mini")
    found = reconcile(invoice(*LINES), [RECORDED, other], {}, "UTC", {}).comparisons
    assert [causes(each) for each in found] == [[], [Cause.NOT_INVOICED]]


def test_a_line_over_several_days_makes_the_invoice_one_span() -> None:
    month = Line(
        date(2026, 11, 1), date(2026, 11, 30), "gpt-4o", Kind.INPUT, Decimal(20_000), Decimal("0.05")
    )
    part = Line(date(2026, 11, 2), date(2026, 11, 9), "gpt-4o", Kind.OUTPUT, Decimal(20_000), Decimal("0.2"))
    found = single(invoice(month, part), RECORDED)
    assert (found.first, found.last, found.reasons) == (date(2026, 11, 1), date(2026, 11, 30), [])


def test_an_export_that_is_not_by_model_is_compared_by_day() -> None:
    total = invoice(Line(DAY, DAY, "", Kind.OTHER, None, Decimal("0.5")))
    found = single(total, RECORDED, with_(model="o3"))
    assert (found.model, found.recorded_usd, found.reasons) == ("all models", "0.50", [])


def test_a_name_that_says_nothing_can_be_explained() -> None:
    coded = invoice(*(msgspec.structs.replace(item, model="SKU-42") for item in LINES))
    assert not reconcile(coded, [RECORDED], {}, "UTC", {}).agrees
    assert reconcile(coded, [RECORDED], {}, "UTC", {"SKU-42": "gpt-4o"}).agrees


def test_totals_and_what_was_left_out() -> None:
    invoiced = msgspec.structs.replace(invoice(*LINES), left_out=[LeftOut("Tax", Decimal("0.150"))])
    result = reconcile(invoiced, [RECORDED], {}, "UTC", {})
    assert (result.invoiced_usd, result.recorded_usd, result.left_out_usd) == (
        "0.25",
        "0.25",
        {"Tax": "0.15"},
    )


@pytest.mark.parametrize("day", [date(2026, 11, 1), date(2026, 11, 3)])
def test_entries_of_other_days_do_not_count(day: date) -> None:
    result = reconcile(invoice(*LINES), [RECORDED, with_(hour_ns=hour(day))], {}, "UTC", {})
    assert result.agrees
    assert result.recorded_usd == "0.25"
