"""`fastgate budgets`: how much of each budget is spent and left."""

import csv
import sys
from typing import Annotated

import typer

from fastgate.cli.options import ConfigOption, DataDirOption
from fastgate.cli.spend import Format, FormatOption


def budgets(
    *,
    owner: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Only owners in whose name this is, such as `team search`."),
    ] = None,
    format_: FormatOption = Format.TABLE,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List the budgets: limit, spent, reserved for calls that are open, left, and what the period will cost.

    The projection takes what was spent so far for the whole period.
    """
    from fastgate import clock
    from fastgate.cli.budget_report import attach, refs, report
    from fastgate.cli.output import print_json, print_table
    from fastgate.cli.place import find_data_dir

    directory = find_data_dir(config, data_dir)
    table = attach(directory)
    now_ns = clock.time_ns()
    reports = [report(table, ref, now_ns) for ref in refs(directory)]
    table.close()
    if owner is not None:
        reports = [each for each in reports if owner.lower() in each.owner.lower()]
    reports.sort(key=lambda each: (each.owner, each.period))
    if format_ is Format.JSON:
        print_json(reports)
        return
    columns = (
        "owner",
        "period",
        "limit_usd",
        "spent_usd",
        "reserved_usd",
        "left_usd",
        "projected_usd",
        "resets_at",
    )
    rows = [(*(getattr(each, name) or "" for name in columns), " ".join(each.passed)) for each in reports]
    if format_ is Format.CSV:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow((*columns, "passed"))
        writer.writerows(rows)
    else:
        headings = (*columns, "passed")
        print_table(
            tuple(name.replace("_", " ").upper() for name in headings),
            (tuple(cell or "-" for cell in row) for row in rows),
        )
