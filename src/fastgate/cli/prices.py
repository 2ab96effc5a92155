"""`fastgate prices`: what calls cost, and where the data about it comes from."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fastgate.cli.errors import CommandError
from fastgate.cli.options import ConfigOption, DataDirOption, JsonOption

if TYPE_CHECKING:
    from fastgate.pricing.catalogue import Catalogue
    from fastgate.pricing.difference import Change
    from fastgate.store.data_dir import DataDir

app = typer.Typer(help="Show, compare and update prices.", no_args_is_help=True)

_TIMEOUT_S: Final = 30
_MAX_BYTES: Final = 64 * 1024 * 1024


def parse_moment(text: str) -> datetime:
    """A date, at its start in UTC, or an RFC 3339 time with a zone."""
    from fastgate.config.price_check import moment

    try:
        return moment(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a date such as 2030-01-31 nor a time such as 2030-01-31T12:00:00Z"
        ) from None


SourceArgument = Annotated[
    str,
    typer.Argument(metavar="FILE|URL", help="`data.json` of genai-prices, version 2.", show_default=False),
]


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As a client names it.", show_default=False)],
    provider: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only there; one that is not configured is looked up as well."),
    ] = None,
    at: Annotated[
        datetime | None, typer.Option(metavar="DATE", parser=parse_moment, help="When; default now.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what a model costs at each deployment and in each service tier."""
    from fastgate import clock
    from fastgate.cli.output import print_json, print_table
    from fastgate.cli.place import load_settings
    from fastgate.cli.price_report import collect
    from fastgate.domain.model_ref import ModelRef
    from fastgate.pricing.listing import nanoseconds
    from fastgate.pricing.update import current
    from fastgate.store.data_dir import DataDir

    settings = load_settings(config)
    catalogue = current(DataDir(settings.data_dir))
    time_ns = clock.time_ns() if at is None else nanoseconds(at)
    reports = collect(settings, catalogue, ModelRef(model, provider), time_ns=time_ns, environ=os.environ)
    if not reports:
        raise CommandError(
            f"{model} has no price then at the providers that are configured: add one to `prices`, say "
            "with `unpriced` what follows, or name another provider with --provider"
        )
    if as_json:
        print_json(reports)
    else:
        print_table(
            ("DEPLOYMENT", "TIER", "UNIT", "USD", "PRICE", "SOURCE"),
            (
                (each.deployment, each.tier or "standard", unit, usd, each.price, each.source)
                for each in reports
                for unit, usd in each.usd.items()
            ),
        )


@app.command()
def diff(
    source: SourceArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Compare the price data in use with other data. Leaves aside what the configuration says."""
    from fastgate.cli.output import print_json
    from fastgate.cli.place import find_data_dir
    from fastgate.store.data_dir import DataDir

    found = _changes(DataDir(find_data_dir(config, data_dir)), _parsed(source, _read(source)))
    if as_json:
        print_json(found)
    else:
        _print_changes(found)


@app.command()
def update(
    source: SourceArgument,
    sha256: Annotated[
        str | None, typer.Option("--sha256", metavar="HEX", help="Refuse data with another checksum.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and compare, and change nothing.")
    ] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Use newer price data than that of the package; `fastgate reload` makes a running gateway take it."""
    from fastgate.cli.output import note
    from fastgate.cli.place import find_data_dir
    from fastgate.pricing.update import checksum, install
    from fastgate.store.data_dir import DataDir

    data = _read(source)
    found = checksum(data)
    if sha256 is not None and sha256.lower() != found:
        raise CommandError(f"{source}: the checksum is {found}, not {sha256}: nothing is changed")
    catalogue = _parsed(source, data)
    place = DataDir(find_data_dir(config, data_dir))
    _print_changes(_changes(place, catalogue))
    note(f"sha256 {found}")
    if dry_run:
        note("nothing is changed: this was a dry run")
        return
    place.create()
    install(place, data)
    note(f"installed in {place.prices}; `fastgate reload` makes a running gateway take it")


@app.command()
def rollback(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """Go back to the price data that was in use before the last update."""
    from fastgate.cli.output import note
    from fastgate.cli.place import find_data_dir
    from fastgate.pricing.update import current, roll_back
    from fastgate.store.data_dir import DataDir

    place = DataDir(find_data_dir(config, data_dir))
    if not roll_back(place):
        raise CommandError(f"there is no update in {place.path}: the package's own prices are in use")
    note(f"{current(place).label} is in use; `fastgate reload` makes a running gateway take it")


def _read(source: str) -> bytes:
    """CommandError, or OSError with the name of the file."""
    if not source.startswith(("http://", "https://")):
        return Path(source).read_bytes()
    import httpx

    try:
        with httpx.stream("GET", source, timeout=_TIMEOUT_S, follow_redirects=True) as response:
            response.raise_for_status()
            data = b""
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > _MAX_BYTES:
                    raise CommandError(f"{source}: more than {_MAX_BYTES >> 20} MiB")
            return data
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CommandError(f"{source}: {str(error) or type(error).__name__}") from error


def _parsed(source: str, data: bytes) -> "Catalogue":
    from fastgate.pricing.update import parse

    try:
        return parse(data)
    except ValueError as error:
        raise CommandError(f"{source}: {error}") from error


def _changes(place: "DataDir", after: "Catalogue") -> "list[Change]":
    from fastgate import clock
    from fastgate.pricing.difference import changes
    from fastgate.pricing.update import current

    return changes(current(place), after, clock.time_ns())


def _print_changes(found: "list[Change]") -> None:
    from fastgate.cli.output import note, print_table

    if not found:
        note("no price changes")
        return
    print_table(
        ("PROVIDER", "MODEL", "TIER", "UNIT", "BEFORE", "AFTER"),
        (
            (
                each.provider,
                each.model,
                each.tier or "standard",
                each.unit,
                each.before or "-",
                each.after or "-",
            )
            if each.unit
            else (each.provider, each.model, "", "", "as now", "other at another time")
            for each in found
        ),
    )
