"""What `fastgate keys list` and `show` tell about a virtual key; never a secret."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from fastgate import clock
from fastgate.cli.output import moment
from fastgate.domain.virtual_key import VirtualKey
from fastgate.store.keys import KeyStore, SecretRecord, StoredSecret


class SecretReport(msgspec.Struct, frozen=True):
    """Times are RFC 3339; None means never."""

    fingerprint: str
    source: str
    state: str
    issued_at: str | None
    expires_at: str | None
    revoked_at: str | None


class KeyReport(msgspec.Struct, frozen=True):
    """`key` has every setting; None where the configuration that was loaded last does not name it."""

    id: str
    state: str
    key: dict[str, Any] | None
    secrets: list[SecretReport]


def collect(path: Path) -> list[KeyReport]:
    """The keys of the store at `path`, by id. Raises KeyStoreError where there is none."""
    now_s = clock.time_ns() // 1_000_000_000
    secrets: dict[str, list[StoredSecret]] = {}
    with KeyStore(path, readonly=True) as store:
        keys: dict[str, VirtualKey | None] = {key.id: key for key in store.all_keys()}
        for secret in store.all_secrets():
            secrets.setdefault(secret.record.key_id, []).append(secret)
    for owner in secrets:
        keys.setdefault(owner, None)
    return [
        KeyReport(
            id=key_id,
            state=_key_state(key, now_s),
            key=None if key is None else _settings(key),
            secrets=[
                _secret_report(secret, now_s)
                for secret in sorted(secrets.get(key_id, ()), key=lambda secret: -secret.record.issued_at_s)
            ],
        )
        for key_id, key in sorted(keys.items())
    ]


def rows(report: KeyReport) -> Iterator[tuple[str, ...]]:
    """A row of the list for each secret; one without any where the key has none."""
    key = report.key
    first = (report.id, report.state, (key and key["customer_id"]) or "-", (key and key["team_id"]) or "-")
    if not report.secrets:
        yield (*first, "none", "-", "-", "-", "-")
    for secret in report.secrets:
        yield (
            *first,
            secret.fingerprint,
            secret.source,
            secret.issued_at or "-",
            secret.expires_at or "-",
            secret.state,
        )


def details(report: KeyReport) -> Iterator[tuple[str, str]]:
    """The rows of `show`: every setting of the key, then its secrets."""
    yield "id", report.id
    yield "state", report.state
    if report.key is not None:
        for name, value in report.key.items():
            if name != "id":
                yield name, moment(value) if name == "expires_at" else _plain(name, value)
    for secret in report.secrets:
        yield (
            f"secret {secret.fingerprint}",
            f"{secret.state}, from {secret.source}, issued {secret.issued_at}, "
            f"expires {secret.expires_at or '-'}",
        )


def _settings(key: VirtualKey) -> dict[str, Any]:
    """Those that are as by default too, which the encoded form leaves out."""
    return {name: msgspec.to_builtins(getattr(key, name)) for name in key.__struct_fields__}


def _key_state(key: VirtualKey | None, now_s: int) -> str:
    if key is None:
        return "not configured"
    if not key.enabled:
        return "disabled"
    return "expired" if key.expires_at and key.expires_at <= now_s else "enabled"


def _secret_state(record: SecretRecord, now_s: int) -> str:
    if record.revoked_at_s:
        return "revoked"
    return "usable" if record.usable(now_s) else "expired"


def _secret_report(secret: StoredSecret, now_s: int) -> SecretReport:
    record = secret.record
    return SecretReport(
        fingerprint=secret.fingerprint,
        source=record.source.value,
        state=_secret_state(record, now_s),
        issued_at=_time(record.issued_at_s),
        expires_at=_time(record.not_after_s),
        revoked_at=_time(record.revoked_at_s),
    )


def _time(seconds: int) -> str | None:
    return moment(seconds) if seconds else None


def _plain(name: str, value: Any) -> str:
    if value is None:
        return "any" if name.startswith("allowed_") else "-"
    if isinstance(value, list | dict) and not value:
        return "-"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
