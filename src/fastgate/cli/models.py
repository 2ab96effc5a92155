"""`fastgate models`: which models the configuration offers, and who serves them."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from fastgate.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from fastgate.config.settings import Settings
    from fastgate.domain.virtual_key import VirtualKey


def models(
    key_id: Annotated[
        str | None, typer.Option("--key", metavar="ID", help="Only what this virtual key may use.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List the models with their deployments. Groups, divided by semicolons, are tried in order."""
    from fastgate.cli.model_report import collect
    from fastgate.cli.output import print_json, print_table
    from fastgate.cli.place import load_settings
    from fastgate.routing.compile import compile_snapshot

    settings = load_settings(config)
    snapshot = compile_snapshot(settings, generation=0, environ=os.environ)
    reports = collect(snapshot, None if key_id is None else _key(settings, key_id))
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


def _key(settings: "Settings", key_id: str) -> "VirtualKey":
    from fastgate.cli.errors import unknown_key
    from fastgate.keys.compile import compile_keys

    keys = {key.id: key for key in compile_keys(settings, os.environ).keys}
    if key_id not in keys:
        raise unknown_key(key_id, keys, "add it to virtual_keys in the configuration")
    return keys[key_id]
