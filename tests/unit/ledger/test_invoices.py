"""Exports of the four vendors, told apart by their headers and read into the same lines."""

import gzip
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from fastgate.ledger.invoices.line import InvoiceError, Kind, LeftOut, Line
from fastgate.ledger.invoices.model_name import model_key
from fastgate.ledger.invoices.read import Invoice, read
from fastgate.ledger.invoices.vendor import Vendor

FILES = Path(__file__).parents[2] / "contract" / "invoices"
FIRST = date(2026, 11, 1)
MONTH_END = date(2026, 11, 30)


def line(
    model: str,
    kind: Kind,
    tokens: str | None,
    usd: str | None,
    *,
    day: date = FIRST,
    last: date | None = None,
    count: int = 1,
) -> Line:
    return Line(
        day,
        last or day,
        model,
        kind,
        None if tokens is None else Decimal(tokens),
        None if usd is None else Decimal(usd),
        count,
    )


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (
            "openai_costs.csv",
            Invoice(
                Vendor.OPENAI,
                "UTC",
                [
                    line("gpt-4o-2024-08-06", Kind.INPUT, "60000", "0.15"),
                    line("gpt-4o-2024-08-06", Kind.CACHED_INPUT, "10000", "0.0125"),
                    line("gpt-4o-2024-08-06", Kind.OUTPUT, "20000", "0.2"),
                    line("gpt-4o-mini-2024-07-18", Kind.INPUT, "2000", "0.0003", day=date(2026, 11, 3)),
                ],
                [LeftOut("web search tool calls", Decimal("0.025"))],
                Decimal("1E-30"),
            ),
        ),
        (
            "openai_usage.csv",
            Invoice(
                Vendor.OPENAI,
                "UTC",
                [
                    line("gpt-4o-2024-08-06", Kind.INPUT, "60000", None),
                    line("gpt-4o-2024-08-06", Kind.CACHED_INPUT, "10000", None),
                    line("gpt-4o-2024-08-06", Kind.OUTPUT, "20000", None),
                ],
                [],
                Decimal("1"),
            ),
        ),
        (
            "anthropic_costs.csv",
            Invoice(
                Vendor.ANTHROPIC,
                "UTC",
                [
                    line("Claude Sonnet 4.6", Kind.INPUT, None, "0.30"),
                    line("Claude Sonnet 4.6", Kind.CACHED_INPUT, None, "0.01"),
                    line("Claude Sonnet 4.6", Kind.OUTPUT, None, "0.45"),
                ],
                [LeftOut("web_search", Decimal("0.02"))],
                Decimal("0.01"),
            ),
        ),
        (
            "anthropic_usage.csv",
            Invoice(
                Vendor.ANTHROPIC,
                "UTC",
                [
                    line("claude-sonnet-4-6", Kind.INPUT, "100000", None, count=2),
                    line("claude-sonnet-4-6", Kind.CACHED_INPUT, "30000", None, count=2),
                    line("claude-sonnet-4-6", Kind.CACHE_WRITE, "120", None, count=4),
                    line("claude-sonnet-4-6", Kind.OUTPUT, "30000", None, count=2),
                ],
                [],
                Decimal("1"),
            ),
        ),
        (
            "aws_cur2.csv",
            Invoice(
                Vendor.AWS,
                "UTC",
                [
                    line("Claude4.6Sonnet", Kind.INPUT, "100000", "0.3"),
                    line("Claude4.6Sonnet", Kind.CACHED_INPUT, "30000", "0.009"),
                    line("Claude4.6Sonnet", Kind.OUTPUT, "30000", "0.45"),
                ],
                [
                    LeftOut("Tax", Decimal("0.15")),
                    LeftOut("USE1-Guardrail-ContentPolicyUnitsConsumed", Decimal("0.01")),
                ],
                Decimal("1E-10"),
            ),
        ),
        (
            "aws_cur_legacy.csv",
            Invoice(
                Vendor.AWS,
                "UTC",
                [line("Claude4.6Sonnet", Kind.INPUT, "100000", "0.3")],
                [],
                Decimal("1E-10"),
            ),
        ),
        (
            "gcp_cost_table.csv",
            Invoice(
                Vendor.GCP,
                "America/Los_Angeles",
                [
                    line("Gemini 2.5 Flash", Kind.INPUT, "1000000", "0.3", last=MONTH_END),
                    line(
                        "Gemini 2.5 Flash",
                        Kind.OUTPUT,
                        "400000",
                        "1",
                        day=date(2026, 11, 3),
                        last=date(2026, 11, 28),
                    ),
                ],
                [LeftOut("Free trial", Decimal("-0.1"))],
                Decimal("0.000001"),
            ),
        ),
        (
            "gcp_reports.csv",
            Invoice(
                Vendor.GCP,
                "America/Los_Angeles",
                [
                    line("gemini 2.5 flash", Kind.INPUT, "1000000", "0.3"),
                    line("gemini 2.5 flash", Kind.OUTPUT, "400000", "1"),
                    line("Claude Sonnet 4.6", Kind.INPUT, "10000", "0.03"),
                ],
                [],
                Decimal("0.000001"),
            ),
        ),
        (
            "gcp_bigquery.csv",
            Invoice(
                Vendor.GCP,
                "UTC",
                [
                    line("Gemini 2.5 Flash Lite", Kind.INPUT, "1000000", "0.1"),
                    line("Gemini 2.5 Flash Lite", Kind.OUTPUT, "100000", "0.04"),
                ],
                [LeftOut("Gemini 2.5 Flash Lite Input Text Caching Storage", Decimal("0.01"))],
                Decimal("0.01"),
            ),
        ),
    ],
)
def test_each_format_is_told_and_read(file: str, expected: Invoice) -> None:
    assert read(FILES / file) == expected
    assert read(FILES / file, expected.vendor) == expected


def test_every_file_is_in_the_test_and_its_source_is_written_down() -> None:
    (cases,) = [mark.args[1] for mark in test_each_format_is_told_and_read.pytestmark]  # type: ignore[attr-defined]  # pytest's own
    names = {path.name for path in FILES.glob("*.csv")}
    assert {case[0] for case in cases} == names
    readme = (FILES / "README.md").read_text()
    assert all(f"`{name}`" in readme for name in names)


def test_a_compressed_report_is_read_as_it_is(tmp_path: Path) -> None:
    packed = tmp_path / "cur.csv.gz"
    packed.write_bytes(gzip.compress((FILES / "aws_cur2.csv").read_bytes()))
    assert read(packed) == read(FILES / "aws_cur2.csv")


def test_an_export_that_was_not_grouped_has_no_models(tmp_path: Path) -> None:
    path = tmp_path / "cost.csv"
    path.write_text("start_time,amount_value,amount_currency,line_item\n1793491200,0.5,usd,\n")
    assert read(path).lines == [line("", Kind.OTHER, None, "0.5")]


def _other_currency(text: str) -> str:
    return text.replace(",usd,", ",eur,")


def _no_number(text: str) -> str:
    return text.replace("0.200000000000000000000000000000", "a lot")


def _no_lines(text: str) -> str:
    return text.splitlines()[0]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_other_currency, "line 2: the amount is in EUR, and the ledger in USD"),
        (_no_number, "line 4: amount_value is 'a lot', which is no number"),
        (_no_lines, "it has no line about tokens of a model"),
        (lambda _text: "a,b\n1,2\n", "this is no export that is known; its first line is a, b"),
        (lambda _text: "", "its first line is empty"),
    ],
)
def test_a_file_that_is_not_right_is_refused(
    tmp_path: Path, damage: Callable[[str], str], message: str
) -> None:
    path = tmp_path / "cost.csv"
    path.write_text(damage((FILES / "openai_costs.csv").read_text()))
    with pytest.raises(InvoiceError, match=message) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}: ")


def test_a_date_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text((FILES / "anthropic_costs.csv").read_text().replace("2026-11-01", "yesterday"))
    with pytest.raises(InvoiceError, match="line 2: usage_date_utc is 'yesterday', which is no date"):
        read(path)


def test_another_vendors_export_is_refused() -> None:
    with pytest.raises(InvoiceError, match="this is an export of openai, not of aws"):
        read(FILES / "openai_costs.csv", Vendor.AWS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Claude4.6Sonnet", "anthropic.claude-sonnet-4-6-20260501-v1:0"),
        ("Claude4.6Sonnet", "us.anthropic.claude-sonnet-4-6"),
        ("Claude Sonnet 4.5", "claude-sonnet-4-5-20250929"),
        ("Claude Haiku 4.5", "claude-haiku-4-5@20251001"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4-0613", "gpt-4"),
        ("Gemini 2.5 Flash", "gemini-2.5-flash"),
        ("Gemini 2.0 Flash", "gemini-2.0-flash"),
        ("Nova2.0Lite", "amazon.nova-2-lite-v1:0"),
        ("openai.gpt-oss-120b", "gpt-oss-120b"),
    ],
)
def test_one_model_has_one_key(one: str, other: str) -> None:
    assert model_key(one) == model_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-4o", "gpt-4o-mini"),
        ("gpt-4.1", "gpt-4"),
        ("o3", "o4-mini"),
        ("claude-sonnet-4-5", "claude-sonnet-4-6"),
        ("claude-sonnet-4", "claude-opus-4"),
        ("gemini-2.5-flash", "gemini-2.5-flash-lite"),
    ],
)
def test_different_models_have_different_keys(one: str, other: str) -> None:
    assert model_key(one) != model_key(other)
