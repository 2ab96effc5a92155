"""The configured virtual keys, with what they inherit, as the key store takes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from fastgate import clock
from fastgate.config.interpolate import resolve_secret, secret_ref
from fastgate.config.settings import Settings, VirtualKeySettings
from fastgate.domain.virtual_key import ModelRef, VirtualKey
from fastgate.errors import ConfigError
from fastgate.keys.secret import PREFIX, Verdict, check, digest
from fastgate.store.keys import SecretRecord, Source

_SHA256_PREFIX: Final = "sha256:"


class CompiledKeys(NamedTuple):
    """`secrets` pairs each digest with its record, whose source is the configuration."""

    keys: tuple[VirtualKey, ...]
    secrets: tuple[tuple[bytes, SecretRecord], ...]
    warnings: tuple[str, ...]


def compile_keys(settings: Settings, environ: Mapping[str, str]) -> CompiledKeys:
    """Of settings that `config.load` has checked. Raises ConfigError that lists every secret that
    cannot be used, a line each; no line contains one.
    """
    return _Compiler(settings, environ).compile()


class _Compiler:
    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._keys = settings.virtual_keys
        self._customers = {customer.id: customer for customer in settings.customers}
        self._teams = {team.id: team for team in settings.teams}
        self._environ = environ
        self._now_s = clock.time_ns() // 1_000_000_000
        self._errors: list[str] = []
        self._warnings: list[str] = []
        self._owner_of: dict[bytes, str] = {}

    def compile(self) -> CompiledKeys:
        keys = []
        for index, given in enumerate(self._keys):
            path = f"virtual_keys[{index}]"
            keys.append(self._key(given))
            if 0 < keys[-1].expires_at <= self._now_s:
                self._warnings.append(f"{path}.expires_at: the key {given.id} has expired")
            self._own(path, given)
        if self._errors:
            raise ConfigError("\n".join(self._errors))
        secrets = tuple(
            (digest, SecretRecord(owner, Source.CONFIG, issued_at_s=self._now_s))
            for digest, owner in self._owner_of.items()
        )
        return CompiledKeys(tuple(keys), secrets, tuple(self._warnings))

    def _key(self, given: VirtualKeySettings) -> VirtualKey:
        team = self._teams.get(given.team_id or "")
        customer_id = given.customer_id or (team.customer_id if team is not None else None)
        customer = self._customers.get(customer_id or "")
        return VirtualKey(
            id=given.id,
            enabled=given.enabled,
            expires_at=_seconds(given.expires_at),
            customer_id=customer_id,
            team_id=given.team_id,
            allowed_providers=None if given.allowed_providers is None else tuple(given.allowed_providers),
            allowed_models=None if given.allowed_models is None else tuple(given.allowed_models),
            denied_models=tuple(given.denied_models),
            fallbacks=tuple(ModelRef(fallback.model, fallback.provider) for fallback in given.fallbacks),
            tags=given.tags,
            metadata={
                **(customer.metadata if customer is not None else {}),
                **(team.metadata if team is not None else {}),
                **given.metadata,
            },
            log_prompts=given.log_prompts,
            on_disconnect=given.on_disconnect,
            drain_max_s=given.drain_max_s,
        )

    def _own(self, path: str, given: VirtualKeySettings) -> None:
        """Note whose the given secret is; nobody else's it may be."""
        if given.secret_hash is not None:
            hashed = bytes.fromhex(given.secret_hash.removeprefix(_SHA256_PREFIX))
        elif given.secret is not None:
            secret = self._resolve(f"{path}.secret", given.id, given.secret)
            if secret is None:
                return
            hashed = digest(secret)
        else:
            return
        other = self._owner_of.setdefault(hashed, given.id)
        if other != given.id:
            self._errors.append(f"{path}: {given.id} has the same secret as {other}; each key needs its own")

    def _resolve(self, path: str, key_id: str, template: str) -> bytes | None:
        """The secret itself; None after a reported error."""
        ref = secret_ref(template)
        if ref is None:
            self._errors.append(f"{path}: a key without a secret is written without `secret`")
            return None
        try:
            text = resolve_secret(ref, self._environ)
        except ConfigError as error:
            self._errors.append(f"{path}: {error}")
            return None
        if " " in text:
            self._errors.append(f"{path}: a secret with spaces cannot travel as a bearer token")
            return None
        secret = text.encode("ascii")
        verdict = check(secret)
        if verdict is Verdict.MISTYPED:
            self._errors.append(
                f"{path}: starts with {PREFIX.decode()} but its checksum is wrong; was it copied whole?"
            )
            return None
        if verdict is Verdict.FOREIGN_WEAK:
            self._warnings.append(
                f"{path}: the secret is short or repetitive and can be guessed; "
                f"get a strong one with `fastgate keys issue {key_id}`"
            )
        return secret


def _seconds(moment: str | None) -> int:
    # 0 would mean never; a time before 1970 is as good as the second after it.
    return 0 if moment is None else max(1, int(datetime.fromisoformat(moment).timestamp()))
