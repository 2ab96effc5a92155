"""Options that several commands share, and the types of their values."""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LONGEST_S: Final = 36_525 * 86_400
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhdw])")


def parse_duration(text: str) -> int:
    """`90s`, `30m`, `24h`, `30d`, `2w`, or `0`, in seconds; a hundred years at most."""
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a time span such as 90s, 30m, 24h, 30d or 2w")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST_S:
        raise typer.BadParameter(f"{text!r} is more than a hundred years")
    return seconds


def parse_lifetime(text: str) -> int:
    """As `parse_duration`, and not nothing."""
    if (seconds := parse_duration(text)) == 0:
        raise typer.BadParameter(f"{text!r}: it would have ended already")
    return seconds


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
