"""Reads an invoice or usage export; the format shows in its header."""

import csv
import gzip
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, TextIO

import msgspec

from fastgate.ledger.invoices import anthropic, aws, gcp, openai
from fastgate.ledger.invoices.line import InvoiceError, Kind, LeftOut, Line, Parsed, Row
from fastgate.ledger.invoices.vendor import Vendor

_PREAMBLE: Final = 30  # lines that Google's console writes before the header
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Format(msgspec.Struct, frozen=True):
    """`columns` are those that it is known by. `timezone` is what the vendor's days are cut in."""

    vendor: Vendor
    columns: frozenset[str]
    parse: Callable[[Iterable[Row]], Parsed]
    timezone: str = "UTC"


FORMATS: Final = (
    Format(Vendor.OPENAI, frozenset({"amount_value", "amount_currency"}), openai.costs),
    Format(Vendor.OPENAI, frozenset({"num_model_requests", "input_tokens", "model"}), openai.usage),
    Format(Vendor.ANTHROPIC, frozenset({"usage_date_utc", "token_type", "cost_usd"}), anthropic.costs),
    Format(
        Vendor.ANTHROPIC,
        frozenset({"usage_date_utc", "model_version", "usage_output_tokens"}),
        anthropic.usage,
    ),
    Format(
        Vendor.AWS,
        frozenset({"line_item_usage_type", "line_item_usage_start_date", "line_item_unblended_cost"}),
        aws.costs,
    ),
    *(
        Format(
            Vendor.GCP,
            frozenset({"service_description", "sku_description", day, cost}),
            gcp.costs,
            timezone,
        )
        for day, cost, timezone in (
            ("date", "unrounded_subtotal", "America/Los_Angeles"),
            ("date", "subtotal", "America/Los_Angeles"),
            ("usage_start_date", "unrounded_cost", "America/Los_Angeles"),
            ("usage_start_date", "cost", "America/Los_Angeles"),
            ("usage_start_time", "cost", "UTC"),
        )
    ),
)


class Invoice(msgspec.Struct, frozen=True):
    """`lines` are summed where they are about the same. `resolution` is the value of the last decimal that
    the file's amounts have."""

    vendor: Vendor
    timezone: str
    lines: list[Line]
    left_out: list[LeftOut]
    resolution: Decimal


def read(path: Path, vendor: Vendor | None = None) -> Invoice:
    """The whole file, plain or gzip. Raises InvoiceError, naming the file."""
    try:
        with _open(path) as file:
            header, rows = _rows(csv.reader(file))
            return _invoice(_format(header, vendor), rows)
    except (InvoiceError, csv.Error, UnicodeDecodeError, gzip.BadGzipFile) as error:
        raise InvoiceError(f"{path}: {error}") from error


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(reader: Iterator[list[str]]) -> tuple[list[str], Iterator[Row]]:
    """The header, which is the first line with the columns of a format, and the lines after it."""
    first: list[str] = []
    for number, cells in enumerate(reader, 1):
        header = [_normalised(name) for name in cells]
        first = first or header
        if any(format_.columns <= set(header) for format_ in FORMATS):
            numbered = enumerate(reader, number + 1)
            return header, (
                Row(line, dict(zip(header, cells, strict=False))) for line, cells in numbered if any(cells)
            )
        if number == _PREAMBLE:
            break
    raise InvoiceError(f"this is no export that is known; its first line is {', '.join(first) or 'empty'}")


def _format(header: list[str], vendor: Vendor | None) -> Format:
    found = next(format_ for format_ in FORMATS if format_.columns <= set(header))
    if vendor not in {None, found.vendor}:
        raise InvoiceError(f"this is an export of {found.vendor}, not of {vendor}")
    return found


def _invoice(format_: Format, rows: Iterator[Row]) -> Invoice:
    lines: dict[tuple[date, date, str, Kind], Line] = {}
    left_out: dict[str, Decimal] = {}
    decimals = 0
    for item in format_.parse(rows):
        if isinstance(item, Line):
            about = (item.first, item.last, item.model, item.kind)
            lines[about] = lines[about] + item if about in lines else item
            if item.usd is not None:
                decimals = max(decimals, -int(item.usd.as_tuple().exponent))
        else:
            left_out[item.reason] = left_out.get(item.reason, Decimal()) + item.usd
    if not lines:
        raise InvoiceError("it has no line about tokens of a model")
    return Invoice(
        vendor=format_.vendor,
        timezone=format_.timezone,
        lines=list(lines.values()),
        left_out=[LeftOut(reason, amount) for reason, amount in sorted(left_out.items())],
        resolution=Decimal(1).scaleb(-decimals),
    )


def _normalised(name: str) -> str:
    """`lineItem/UsageType`, `line_item_usage_type` and `Unrounded cost ($)` in one spelling."""
    plain = _HUMP.sub("_", name.partition("(")[0]).lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
