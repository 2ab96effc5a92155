"""What a provider says it charged, whatever the format of its export."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

import msgspec


class InvoiceError(Exception):
    """The file is not what it should be; the message names the line."""


class Kind(StrEnum):
    """What was charged for. The kinds of input exclude each other."""

    INPUT = "input"
    CACHED_INPUT = "cached input"
    CACHE_WRITE = "cache write"
    OUTPUT = "output"
    OTHER = "other"


class Line(msgspec.Struct, frozen=True):
    """`count` lines about one model ("" where the export is not by model), of the days `first` to `last`.

    `tokens` and `usd` are None where the export does not have them.
    """

    first: date
    last: date
    model: str
    kind: Kind
    tokens: Decimal | None = None
    usd: Decimal | None = None
    count: int = 1

    def __add__(self, other: "Line") -> "Line":
        """Both, which are about the same; what one of them does not have is not known of the sum."""
        return msgspec.structs.replace(
            self,
            tokens=None if self.tokens is None or other.tokens is None else self.tokens + other.tokens,
            usd=None if self.usd is None or other.usd is None else self.usd + other.usd,
            count=self.count + other.count,
        )


class LeftOut(msgspec.Struct, frozen=True):
    """A line that no call of the gateway can account for, such as a tax or a credit."""

    reason: str
    usd: Decimal


class Row(msgspec.Struct, frozen=True):
    """One line of a CSV file, by normalised names of columns."""

    number: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def number_of(self, column: str) -> Decimal:
        """0 for an empty cell; thousands separators are taken out. Raises InvoiceError."""
        text = self.text(column).replace(",", "") or "0"
        try:
            return Decimal(text)
        except InvalidOperation:
            raise InvoiceError(f"line {self.number}: {column} is {text!r}, which is no number") from None

    def date_of(self, column: str) -> date:
        """The day that the text begins with. Raises InvoiceError."""
        text = self.text(column)
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            raise InvoiceError(f"line {self.number}: {column} is {text!r}, which is no date") from None


Parsed = Iterator[Line | LeftOut]
