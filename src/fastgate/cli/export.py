"""`fastgate export`: the ledger in the forms of other tools."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from fastgate.cli.errors import CommandError, UsageError
from fastgate.cli.ledger_place import LastOption, SinceOption, UntilOption
from fastgate.cli.options import ConfigOption, DataDirOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fastgate.ledger.focus import Value

app = typer.Typer(help="Write the ledger for other tools.", no_args_is_help=True)


class Format(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"


@app.command()
def focus(
    *,
    since: SinceOption = None,
    until: UntilOption = None,
    last: LastOption = None,
    format_: Annotated[Format, typer.Option("--format", help="The form of the file.")] = Format.CSV,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to; default standard output.")
    ] = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Export cost and usage as the FinOps Foundation's FOCUS 1.2, a row per day of UTC and what is alike."""
    from fastgate.cli.ledger_place import midnight_ns, open_ledger, window
    from fastgate.cli.output import note
    from fastgate.ledger.focus import rows
    from fastgate.ledger.focus_csv import write_csv
    from fastgate.ledger.focus_source import days

    if format_ is Format.PARQUET and output is None:
        raise UsageError("a Parquet file needs a place: give --output FILE")
    span = window(since, until, last, ZoneInfo("UTC"))
    if until is not None and midnight_ns(span.until_ns) != span.until_ns:
        raise UsageError("--until has to be the beginning of a day in UTC, such as 2026-12-01")
    with open_ledger(config, data_dir) as (database, _):
        found = rows(days(database, midnight_ns(span.since_ns), span.until_ns))
        if output is None:
            count = write_csv(found, sys.stdout)
        elif format_ is Format.PARQUET:
            count = _parquet_writer()(found, output)
        else:
            with output.open("w", encoding="utf-8", newline="") as file:
                count = write_csv(found, file)
    note(f"{count} row{'s' * (count != 1)} of FOCUS 1.2")


def _parquet_writer() -> "Callable[[Iterable[Mapping[str, Value]], Path], int]":
    try:
        from fastgate.ledger.focus_parquet import write_parquet
    except ModuleNotFoundError as error:
        raise CommandError("Parquet needs pyarrow: pip install 'fastgate[parquet]'") from error
    return write_parquet
