"""The ledger that a command reads: where it is, and the options that say which part of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from fastgate.cli.errors import UsageError
from fastgate.cli.options import parse_lifetime

if TYPE_CHECKING:
    from fastgate.store.ledger.database import LedgerDatabase

NS: Final = 1_000_000_000
_DEFAULT_S: Final = 30 * 86_400


def parse_zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter(f"{text!r} is no time zone such as Europe/Berlin or UTC") from None


SinceOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME", help="From then on: 2026-11-01, or 2026-11-01T10:00 with or without a zone."
    ),
]
UntilOption = Annotated[str | None, typer.Option(metavar="TIME", help="Before then; default now.")]
LastOption = Annotated[
    int | None,
    typer.Option(metavar="SPAN", parser=parse_lifetime, help="Up to now, such as 24h or 30d; default 30d."),
]
ZoneOption = Annotated[
    ZoneInfo | None,
    typer.Option(
        "--timezone",
        metavar="ZONE",
        parser=parse_zone,
        help="What days are cut in, and times given in; default UTC.",
    ),
]


class Window(NamedTuple):
    """From `since_ns` on and before `until_ns`, in nanoseconds since the epoch."""

    since_ns: int
    until_ns: int


def window(since: str | None, until: str | None, last: int | None, zone: ZoneInfo) -> Window:
    """UsageError for what is no time, or an empty span."""
    from fastgate import clock

    if since is not None and last is not None:
        raise UsageError("give --since or --last, not both")
    until_ns = clock.time_ns() if until is None else _moment_ns(until, zone)
    span_ns = (_DEFAULT_S if last is None else last) * NS
    since_ns = until_ns - span_ns if since is None else _moment_ns(since, zone)
    if since_ns >= until_ns:
        raise UsageError("the time that it begins at is not before the one that it ends at")
    return Window(since_ns, until_ns)


def _moment_ns(text: str, zone: ZoneInfo) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no time such as 2026-11-01 or 2026-11-01T10:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return int(moment.timestamp()) * NS


def midnight_ns(moment_ns: int) -> int:
    """When the day of UTC began."""
    day = datetime.fromtimestamp(moment_ns // NS, UTC).date()
    return int(datetime.combine(day, time(), UTC).timestamp()) * NS


@contextmanager
def open_ledger(config: Path | None, data_dir: Path | None) -> Iterator[tuple["LedgerDatabase", Path]]:
    """The ledger, for reading, and the directory of the gateway's files. ConfigError, LedgerError."""
    from fastgate.cli.place import load_settings, usable
    from fastgate.config.interpolate import resolve_secret, secret_ref
    from fastgate.store.ledger.database import LedgerDatabase

    settings = load_settings(config)
    directory = usable(Path(settings.data_dir) if data_dir is None else data_dir)
    given = settings.ledger.url
    reference = None if given is None else secret_ref(given)
    url = None if reference is None else resolve_secret(reference, os.environ)
    database = LedgerDatabase.open_reader(url, directory)
    try:
        yield database, directory
    finally:
        database.close()
