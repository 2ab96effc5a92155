"""The configured virtual keys, with what they inherit, as the key store takes them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from fastgate import clock
from fastgate.config.interpolate import resolve_secret, secret_ref
from fastgate.config.money_view import MoneyView
from fastgate.config.owner_settings import VirtualKeySettings
from fastgate.config.settings import Settings
from fastgate.domain.model_ref import ModelRef
from fastgate.domain.virtual_key import VirtualKey
from fastgate.keys.compiled import CompiledKeys
from fastgate.keys.secret import digest
from fastgate.store.keys import SecretRecord, Source

_SHA256_PREFIX: Final = "sha256:"


def compile_keys(settings: Settings, environ: Mapping[str, str]) -> CompiledKeys:
    """Of settings that `config.load` has checked; without accounts, which are not placed yet.

    ConfigError: a secret cannot be read any more.
    """
    return _Compiler(settings, environ).compile()


class _Compiler:
    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._keys = settings.virtual_keys
        self._view = MoneyView(settings)
        self._customer_metadata = {
            customer.id: customer.metadata for customer in settings.customers if customer.metadata
        }
        self._team_metadata = {team.id: team.metadata for team in settings.teams if team.metadata}
        self._any_inherited = bool(self._customer_metadata or self._team_metadata)
        self._environ = environ

    def compile(self) -> CompiledKeys:
        now_s = clock.time_ns() // 1_000_000_000
        keys = tuple(map(self._key, self._keys))
        source = Source.CONFIG
        secrets = tuple(
            [
                (hashed, SecretRecord(key.id, source, now_s))
                for key in self._keys
                if (hashed := self._hash(key)) is not None
            ]
        )
        warnings = tuple(
            f"virtual_keys[{index}].expires_at: the key {key.id} has expired"
            for index, key in enumerate(keys)
            if 0 < key.expires_at <= now_s
        )
        return CompiledKeys(keys, secrets, warnings)

    def _hash(self, given: VirtualKeySettings) -> bytes | None:
        if given.secret_hash is not None:
            return bytes.fromhex(given.secret_hash.removeprefix(_SHA256_PREFIX))
        ref = None if given.secret is None else secret_ref(given.secret)
        return None if ref is None else digest(resolve_secret(ref, self._environ).encode())

    def _key(self, given: VirtualKeySettings) -> VirtualKey:
        teams: tuple[str, ...] = ()
        customer_id = given.customer_id
        if given.team_id is not None:
            teams = self._view.path(given.team_id)
            customer_id = self._view.customer_of(given)
        return VirtualKey(
            id=given.id,
            enabled=given.enabled,
            expires_at=0 if given.expires_at is None else _seconds(given.expires_at),
            customer_id=customer_id,
            team_id=given.team_id,
            teams=teams,
            allowed_providers=None if given.allowed_providers is None else tuple(given.allowed_providers),
            allowed_models=None if given.allowed_models is None else tuple(given.allowed_models),
            denied_models=tuple(given.denied_models),
            fallbacks=tuple([ModelRef(each.model, each.provider) for each in given.fallbacks])
            if given.fallbacks
            else (),
            tags=given.tags,
            metadata=self._metadata(given, customer_id, teams) if self._any_inherited else given.metadata,
            log_prompts=given.log_prompts,
            on_disconnect=given.on_disconnect,
            drain_max_s=given.drain_max_s,
        )

    def _metadata(
        self, given: VirtualKeySettings, customer_id: str | None, teams: tuple[str, ...]
    ) -> dict[str, str]:
        """Its own, over that of its teams, over that of its customer."""
        metadata = dict(self._customer_metadata.get(customer_id or "", {}))
        for team in reversed(teams):
            metadata.update(self._team_metadata.get(team, {}))
        metadata.update(given.metadata)
        return metadata


def _seconds(moment: str) -> int:
    # 0 would mean never; a time before 1970 is as good as the second after it.
    return max(1, int(datetime.fromisoformat(moment).timestamp()))
