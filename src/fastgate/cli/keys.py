"""`fastgate keys`: secrets of virtual keys. Works on the store's files, with or without a running gateway."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fastgate.cli.errors import CommandError, UsageError, unknown_key
from fastgate.cli.options import ConfigOption, DataDirOption, JsonOption, parse_duration, parse_lifetime
from fastgate.cli.place import find_data_dir, load_settings

if TYPE_CHECKING:
    from fastgate.keys.lifecycle import Issued
    from fastgate.store.keys import KeyStore, StoredSecret

app = typer.Typer(help="Issue, rotate, revoke and list virtual keys.", no_args_is_help=True)

_GRACE_S: Final = 24 * 3_600

KeyArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the virtual key.", show_default=False)]
ExpiresOption = Annotated[
    int | None,
    typer.Option(
        "--expires-in",
        metavar="TIME",
        parser=parse_lifetime,
        help="When the new secret ends, such as 12h or 30d; default never.",
    ),
]


@app.command()
def issue(
    key_id: KeyArgument,
    expires_in: ExpiresOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Give a key a further secret. It is printed once, alone on standard output, and not kept."""
    from fastgate.keys.lifecycle import issue as issue_secret
    from fastgate.store.keys import KeyStore, keys_path

    path = keys_path(find_data_dir(config, data_dir))
    loaded = _require_key(path, key_id, config)
    with KeyStore(path) as store:
        _hand_over(issue_secret(store, key_id, expires_in), loaded)


@app.command()
def rotate(
    key_id: KeyArgument,
    grace: Annotated[
        int | None,
        typer.Option(
            metavar="TIME",
            parser=parse_duration,
            help="How long the key's older secrets still work; default 24h.",
        ),
    ] = None,
    expires_in: ExpiresOption = None,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Give a key a new secret, and let its older ones end after a grace period."""
    from fastgate.cli.output import moment, note
    from fastgate.keys.lifecycle import rotate as rotate_secret
    from fastgate.store.keys import KeyStore, Source, keys_path

    path = keys_path(find_data_dir(config, data_dir))
    loaded = _require_key(path, key_id, config)
    with KeyStore(path) as store:
        issued = rotate_secret(store, key_id, _GRACE_S if grace is None else grace, expires_in)
        _hand_over(issued, loaded)
    for old in issued.limited:
        note(f"the secret {old.fingerprint} works until {moment(old.record.not_after_s)}")
        if old.record.source is Source.CONFIG:
            note(f"the secret {old.fingerprint} is in the configuration: take it out there")


@app.command()
def revoke(
    key_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Id of the virtual key.", show_default=False)
    ] = None,
    fingerprint: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Revoke only the secret with this fingerprint (see list)."),
    ] = None,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Revoke the secret that is read from standard input.")
    ] = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Revoke all secrets of a key, or a single one, for good; workers refuse it within a second."""
    from fastgate.cli.output import note
    from fastgate.keys.lifecycle import revoke as revoke_secrets
    from fastgate.store.keys import KeyStore, Source, keys_path

    if key_id is None and fingerprint is None and not stdin:
        raise UsageError("give the ID of a key, or --fingerprint, or --stdin")
    path = keys_path(find_data_dir(config, data_dir))
    with KeyStore(path, readonly=True) as store:
        chosen = _choose(store, key_id, fingerprint, sys.stdin.readline().strip() if stdin else None)
    with KeyStore(path) as store:
        revoke_secrets(store, [secret.digest for secret in chosen])
    for secret in chosen:
        note(f"revoked the secret {secret.fingerprint} of {secret.record.key_id}")
        if secret.record.source is Source.CONFIG:
            note(f"the secret {secret.fingerprint} is in the configuration, where it has no effect any more")


@app.command()
def prune(config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """Drop the issued secrets of keys that are not in the configuration any more. It has to be valid."""
    from fastgate.cli.output import note
    from fastgate.store.keys import KeyStore, keys_path

    path = keys_path(find_data_dir(config, data_dir))
    configured = {key.id for key in load_settings(config).virtual_keys}
    KeyStore(path, readonly=True).close()  # nothing is created where there is no store
    with KeyStore(path) as store:
        dropped = store.prune(configured)
    for secret in dropped:
        note(f"dropped the secret {secret.fingerprint} of {secret.record.key_id}")
    note(f"{len(dropped)} secret{'s' * (len(dropped) != 1)} dropped")


@app.command("list")
def list_keys(
    as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None
) -> None:
    """List the virtual keys and their secrets, which are named by the start of their hash."""
    from fastgate.cli.key_report import collect, rows
    from fastgate.cli.output import print_json, print_table
    from fastgate.store.keys import keys_path

    reports = collect(keys_path(find_data_dir(config, data_dir)))
    if as_json:
        print_json(reports)
    else:
        columns = ("KEY", "STATE", "CUSTOMER", "TEAM", "SECRET", "FROM", "ISSUED", "EXPIRES", "SECRET STATE")
        print_table(columns, (row for report in reports for row in rows(report)))


@app.command()
def show(
    key_id: KeyArgument,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show all about one virtual key: what it may use, and its secrets."""
    from fastgate.cli.key_report import collect, details
    from fastgate.cli.output import print_json, print_table
    from fastgate.store.keys import keys_path

    reports = collect(keys_path(find_data_dir(config, data_dir)))
    report = next((report for report in reports if report.id == key_id), None)
    if report is None:
        raise unknown_key(
            key_id, [report.id for report in reports], "`fastgate keys list` names those stored"
        )
    if as_json:
        print_json(report)
    else:
        print_table(("SETTING", "VALUE"), details(report))


def _require_key(path: Path, key_id: str, config: Path | None) -> bool:
    """Whether the gateway has loaded the key; CommandError where the configuration has none either."""
    from fastgate.store.keys import KeyStore

    if path.exists():
        with KeyStore(path, readonly=True) as store:
            if store.key(key_id) is not None:
                return True
    configured = [key.id for key in load_settings(config).virtual_keys]
    if key_id not in configured:
        raise unknown_key(key_id, configured, "add it to virtual_keys in the configuration")
    return False


def _hand_over(issued: "Issued", loaded: bool) -> None:
    from fastgate.cli.output import moment, note

    stored = issued.stored
    ends = f"until {moment(stored.record.not_after_s)}" if stored.record.not_after_s else "with no end"
    note(f"new secret {stored.fingerprint} of {stored.record.key_id}, {ends}; it is shown only this once:")
    if not loaded:
        note("the gateway takes it as soon as it has loaded the configuration that names the key")
    print(issued.secret, flush=True)


def _choose(
    store: "KeyStore", key_id: str | None, fingerprint: str | None, secret: str | None
) -> "list[StoredSecret]":
    """The secrets that are meant, none of them revoked yet; CommandError if none or not clear."""
    from fastgate.keys.secret import digest

    known = store.all_secrets() if key_id is None else store.secrets_of(key_id)
    live = [stored for stored in known if not stored.record.revoked_at_s]
    if secret is not None:
        wanted = digest(secret.encode())
        live = [stored for stored in live if stored.digest == wanted]
    if fingerprint is not None:
        live = [stored for stored in live if stored.digest.hex().startswith(fingerprint.lower())]
        if len(live) > 1:
            raise CommandError(f"{len(live)} secrets have a fingerprint that starts with {fingerprint}")
    if not live:
        raise CommandError("there is no such secret that is not revoked already")
    return live
