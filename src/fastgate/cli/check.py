"""`fastgate check`: everything that is wrong with a configuration, without running it."""

import os
from typing import TYPE_CHECKING

from fastgate.cli.errors import EXIT_FAILURE, EXIT_OK
from fastgate.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from fastgate.config.diagnostics import Diagnostic
    from fastgate.config.settings import Settings


def check(config: ConfigOption = None, as_json: JsonOption = False) -> int:
    """Check the configuration: a line for each finding, exit code 1 if any is an error."""
    from fastgate.cli.output import note, print_json
    from fastgate.config.diagnostics import Severity
    from fastgate.config.load import check as check_settings
    from fastgate.config.place import config_file

    settings, found = check_settings(config, os.environ)
    if settings is not None:
        source = str(config_file(config, os.environ) or "environment")
        found = [*found, *_compiled(settings, source)]
    if as_json:
        print_json(found)
    else:
        for finding in found:
            print(finding)
    counts = {severity: sum(item.severity is severity for item in found) for severity in Severity}
    errors, warnings = counts[Severity.ERROR], counts[Severity.WARNING]
    if errors:
        note(f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}")
        return EXIT_FAILURE
    note(
        "the configuration is valid" + (f", with {warnings} warning{'s' * (warnings != 1)}" * (warnings > 0))
    )
    return EXIT_OK


def _compiled(settings: "Settings", source: str) -> "list[Diagnostic]":
    """What only shows when the settings are made into routes, keys and prices: nothing that has a line."""
    from fastgate.config.diagnostics import Diagnostic, Severity
    from fastgate.errors import ConfigError
    from fastgate.keys.compile import compile_keys
    from fastgate.pricing.compile import compile_prices
    from fastgate.pricing.update import current
    from fastgate.routing.compile import compile_snapshot
    from fastgate.routing.slot_layout import check_room
    from fastgate.store.counters import ROOM
    from fastgate.store.data_dir import DataDir
    from fastgate.supervisor.cores import usable_cores

    found: list[tuple[Severity, str]] = []
    try:
        snapshot = compile_snapshot(settings, generation=0, environ=os.environ)
        check_room(snapshot, settings.server.workers or usable_cores(), ROOM)
        found += [(Severity.WARNING, text) for text in compile_keys(settings, os.environ).warnings]
        compile_prices(settings, snapshot.deployments, current(DataDir(settings.data_dir)))
    except ConfigError as error:
        found += [(Severity.ERROR, line) for line in str(error).splitlines()]
    return [
        Diagnostic(severity=severity, file=source, line=0, path="", message=text) for severity, text in found
    ]
