"""`fastgate status`: the running gateway, as its control process sees it."""

from typing import Annotated

import typer

from fastgate.cli.errors import UsageError
from fastgate.cli.options import ConfigOption, DataDirOption, JsonOption


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it anew every second.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show deployments, credentials, circuit breakers, calls in flight and processes."""
    from fastgate.cli.control_client import ControlClient
    from fastgate.cli.output import console, print_json
    from fastgate.cli.place import find_data_dir
    from fastgate.cli.status_view import follow, view
    from fastgate.control.messages import Status

    if watch and as_json:
        raise UsageError("--watch shows a table: it does not go with --json")
    with ControlClient(find_data_dir(config, data_dir)) as control:

        def fetch() -> Status:
            return control.call("GET", "/status", Status)

        if watch:
            follow(fetch)
        elif as_json:
            print_json(fetch())
        else:
            console().print(view(fetch()))
