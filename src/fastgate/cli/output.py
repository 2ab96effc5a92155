"""Tables for people and JSON for programs, both on standard output."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def print_json(value: Any) -> None:
    """Indented by 2; structs and enums of the domain as msgspec writes them."""
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> "Table":
    """Cells are plain text: what looks like markup in one is shown as it is."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    console().print(table(columns, rows))


def console() -> "Console":
    """As wide as the terminal; in a pipe nothing is cut, whatever its length."""
    from rich.console import Console

    return Console(soft_wrap=False, width=None if sys.stdout.isatty() else 10_000, highlight=False)


def note(message: str) -> None:
    """Tells the person something that no program should read."""
    print(message, file=sys.stderr)


def moment(seconds: int) -> str:
    """RFC 3339 in UTC; `-` for 0, which means never."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else "-"
