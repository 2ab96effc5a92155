"""`fastgate serve`: run the gateway."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from fastgate.cli.options import ConfigOption


def serve(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes a free one and prints it.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=0, max=256, help="Worker processes; 0 means one a core.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Directory of the gateway's files.")
    ] = None,
    *,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help="Take the place of the gateway that runs on the data directory, without a lost request.",
        ),
    ] = False,
) -> NoReturn:
    """Run the gateway until it is told to stop (SIGTERM, Ctrl-C), or to start its successor (SIGUSR2).

    Options win over environment variables, and those over the file.
    """
    from fastgate.control.first import load
    from fastgate.supervisor.begin import begin

    given = {
        "FASTGATE_SERVER__HOST": host,
        "FASTGATE_SERVER__PORT": port,
        "FASTGATE_SERVER__WORKERS": workers,
        "FASTGATE_DATA_DIR": data_dir,
    }
    overrides = {name: str(value) for name, value in given.items() if value is not None}
    begin(config, overrides, load, replace=replace)
