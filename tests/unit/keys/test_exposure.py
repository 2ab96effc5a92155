"""Listening beyond loopback needs a usable virtual key, or the outright will to be open."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fastgate.domain.virtual_key import VirtualKey
from fastgate.errors import ConfigError
from fastgate.keys.compiled import CompiledKeys
from fastgate.keys.exposure import check_exposure, is_loopback
from fastgate.keys.lifecycle import issue, revoke
from fastgate.store.keys import KeyStore, SecretRecord, Source

PUBLIC = "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", False),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("gateway.example.com", False),
        ("localhost.example.com", False),
    ],
)
def test_what_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def compiled(*keys: VirtualKey, secrets: Mapping[bytes, str] | None = None) -> CompiledKeys:
    """`secrets`: digest → id of the key, as the configuration has them."""
    records = ((digest, SecretRecord(owner, Source.CONFIG, 1)) for digest, owner in (secrets or {}).items())
    return CompiledKeys(keys, tuple(records), ())


NOBODY = compiled()
SOMEBODY = compiled(VirtualKey(id="vk"))
WITH_SECRET = compiled(VirtualKey(id="vk"), secrets={b"d" * 32: "vk"})


def test_without_any_key_only_loopback_is_allowed(tmp_path: Path) -> None:
    with KeyStore(tmp_path / "keys") as store:
        check_exposure("127.0.0.1", NOBODY, store, open_auth=False)
        check_exposure(PUBLIC, NOBODY, store, open_auth=True)
        with pytest.raises(ConfigError, match=r"0\.0\.0\.0.*keys issue.*127\.0\.0\.1.*auth\.mode"):
            check_exposure(PUBLIC, NOBODY, store, open_auth=False)


def test_a_usable_key_allows_any_address(tmp_path: Path) -> None:
    with KeyStore(tmp_path / "keys") as store:
        with pytest.raises(ConfigError):
            check_exposure(PUBLIC, SOMEBODY, store, open_auth=False)
        store.sync_configured(SOMEBODY.keys, [])
        issued = issue(store, "vk")
        check_exposure(PUBLIC, SOMEBODY, store, open_auth=False)
        with pytest.raises(ConfigError):
            check_exposure(PUBLIC, NOBODY, store, open_auth=False)
        revoke(store, [issued.stored.digest])
        with pytest.raises(ConfigError):
            check_exposure(PUBLIC, SOMEBODY, store, open_auth=False)


def test_a_configured_secret_counts_before_it_is_stored_and_not_when_it_was_revoked(tmp_path: Path) -> None:
    with KeyStore(tmp_path / "keys") as store:
        check_exposure(PUBLIC, WITH_SECRET, store, open_auth=False)
        store.sync_configured(WITH_SECRET.keys, WITH_SECRET.secrets)
        check_exposure(PUBLIC, WITH_SECRET, store, open_auth=False)
        with pytest.raises(ConfigError):  # the stored one would go with the configuration that had it
            check_exposure(PUBLIC, SOMEBODY, store, open_auth=False)
        revoke(store, [b"d" * 32])
        with pytest.raises(ConfigError):
            check_exposure(PUBLIC, WITH_SECRET, store, open_auth=False)


@pytest.mark.parametrize(
    "key", [VirtualKey(id="vk", enabled=False), VirtualKey(id="vk", expires_at=1), VirtualKey(id="other")]
)
def test_a_secret_of_a_key_that_cannot_be_used_does_not_count(tmp_path: Path, key: VirtualKey) -> None:
    with KeyStore(tmp_path / "keys") as store:
        store.sync_configured([VirtualKey(id="vk")], [])
        issue(store, "vk")
        with pytest.raises(ConfigError):
            check_exposure(PUBLIC, compiled(key), store, open_auth=False)
