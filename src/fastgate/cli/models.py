"""`fastgate models`: which models the configuration offers, and who serves them."""

import os

from fastgate.cli.options import ConfigOption, JsonOption


def models(as_json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the public models with their deployments, in the order in which they are tried."""
    from fastgate.cli.model_report import collect
    from fastgate.cli.output import print_json, print_table
    from fastgate.cli.place import load_settings
    from fastgate.routing.compile import compile_snapshot

    reports = collect(compile_snapshot(load_settings(config), generation=0, environ=os.environ))
    if as_json:
        print_json(reports)
    else:
        print_table(
            ("MODEL", "DEPLOYMENTS", "ENDPOINTS"),
            (
                (report.model, "; ".join(map(", ".join, report.groups)), ", ".join(report.endpoints))
                for report in reports
            ),
        )
