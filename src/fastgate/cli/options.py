"""Options that several commands share, and the types of their values."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhdw])")


def parse_duration(text: str) -> int:
    """`90s`, `30m`, `24h`, `30d`, `2w`, or `0`, in seconds."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a time span such as 90s, 30m, 24h, 30d or 2w")
    return int(match[1]) * _SECONDS[match[2]]


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Configuration file; default FASTGATE_CONFIG, or fastgate.yaml where it exists.",
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Directory of the gateway's files; default is the one that the configuration names.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
