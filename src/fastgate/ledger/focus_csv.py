"""Writes FOCUS rows as CSV, as they come."""

import csv
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TextIO

from fastgate.ledger.focus import COLUMNS, Value


def write_csv(rows: Iterable[Mapping[str, Value]], file: TextIO) -> int:
    """How many rows there were. An empty cell is FOCUS's null."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in rows:
        writer.writerow(_text(row[name]) for name in COLUMNS)
        count += 1
    return count


def _text(value: Value) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, Decimal):
        return f"{value:f}"
    return "" if value is None else str(value)
