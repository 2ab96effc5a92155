"""`fastgate spend`: what calls have cost, by anything that the ledger knows of them."""

import csv
import sys
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from fastgate.cli.ledger_place import LastOption, SinceOption, UntilOption, ZoneOption
from fastgate.cli.options import ConfigOption, DataDirOption


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How the result is written.")]


def spend(
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD",
            help="What to tell apart, several times or with commas: key, team, customer, provider, "
            "deployment, model, public_model, price, tag, tag:NAME, metadata:NAME, endpoint, credential, "
            "requested_model, outcome, service_tier, hour, day, month; default key.",
        ),
    ] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    last: LastOption = None,
    timezone: ZoneOption = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--filter", metavar="FIELD=VALUE", help="Only calls of which that is so; may be repeated."
        ),
    ] = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Sum up what calls have cost. Money is exact, in USD; a call belongs to the time it was admitted at."""
    from fastgate.cli.ledger_place import open_ledger, window
    from fastgate.cli.output import print_json, print_table
    from fastgate.cli.spend_report import SUMS, collect, parse_fields, parse_filters, total

    zone = timezone or ZoneInfo("UTC")
    fields = parse_fields(by or ["key"])
    filters = parse_filters(where or [])
    span = window(since, until, last, zone)
    with open_ledger(config, data_dir) as (database, _):
        rows = collect(database, fields, span, zone, filters)
        sums = total(database, fields, span, filters)
    match format_:
        case Format.JSON:
            print_json([row.as_object(fields) for row in rows])
        case Format.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow((*fields, *SUMS))
            writer.writerows(row.cells() for row in rows)
        case Format.TABLE:
            columns = tuple(name.replace("_", " ").upper() for name in (*fields, *SUMS))
            print_table(columns, (row.cells() for row in (*rows, sums)))
