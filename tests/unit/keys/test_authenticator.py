"""What a presented secret is answered with, and how soon a change of the store shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import FakeClock

from fastgate.domain.virtual_key import VirtualKey
from fastgate.errors import GatewayError
from fastgate.keys.authenticator import Authenticator
from fastgate.keys.lifecycle import issue, revoke, rotate
from fastgate.keys.secret import digest, generate
from fastgate.store.keys import KeyStore, SecretRecord, Source

START_S = 1_800_000_000
FOREIGN = b"a-foreign-secret-of-some-length-42"


@pytest.fixture
def store(tmp_path: Path, fake_clock: FakeClock) -> Iterator[KeyStore]:
    fake_clock.wall = START_S * 1_000_000_000
    with KeyStore(tmp_path / "keys") as store:
        store.sync_configured(
            [
                VirtualKey(id="vk"),
                VirtualKey(id="off", enabled=False),
                VirtualKey(id="ends", expires_at=START_S + 100),
            ],
            [(digest(FOREIGN), SecretRecord("vk", Source.CONFIG, issued_at_s=START_S))],
        )
        yield store


def code_of(authenticator: Authenticator, secret: bytes | None) -> str:
    with pytest.raises(GatewayError) as caught:
        authenticator.authenticate(secret)
    assert secret is None or not secret or secret.decode("latin-1") not in caught.value.message
    return caught.value.code


@pytest.mark.parametrize("open_auth", [False, True])
def test_a_known_secret_is_its_key_in_both_modes(store: KeyStore, open_auth: bool) -> None:
    authenticator = Authenticator(store, open_auth=open_auth)
    ours = issue(store, "vk").secret.encode()
    for _ in range(2):
        assert authenticator.authenticate(ours) == VirtualKey(id="vk")
        assert authenticator.authenticate(FOREIGN) == VirtualKey(id="vk")


@pytest.mark.parametrize("nothing", [None, b""])
def test_no_secret(store: KeyStore, nothing: bytes | None) -> None:
    assert code_of(Authenticator(store, open_auth=False), nothing) == "missing_virtual_key"
    assert Authenticator(store, open_auth=True).authenticate(nothing) is None


def test_an_unknown_foreign_secret_is_nobody_in_open_mode(store: KeyStore) -> None:
    assert code_of(Authenticator(store, open_auth=False), b"sk-whatever") == "invalid_virtual_key"
    assert Authenticator(store, open_auth=True).authenticate(b"sk-whatever") is None


@pytest.mark.parametrize("open_auth", [False, True])
def test_an_unknown_secret_of_our_form_is_refused_in_both_modes(store: KeyStore, open_auth: bool) -> None:
    authenticator = Authenticator(store, open_auth=open_auth)
    assert code_of(authenticator, generate().encode()) == "invalid_virtual_key"


def test_a_mistyped_secret_is_told_so_without_a_look_up(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys")
    authenticator = Authenticator(store, open_auth=False)
    store.close()  # any look-up would fail from here on
    secret = generate()
    with pytest.raises(GatewayError, match="looks mistyped") as caught:
        authenticator.authenticate((secret[:-1] + ("a" if secret[-1] != "a" else "b")).encode())
    assert caught.value.code == "invalid_virtual_key"
    assert secret[6:20] not in caught.value.message


@pytest.mark.parametrize("junk", [b"\xff\xfe\x00", b"x" * 100_000, b"sk-fg-", b"sk-fg-\xc3\xa4"])
def test_junk_is_an_invalid_key(store: KeyStore, junk: bytes) -> None:
    assert code_of(Authenticator(store, open_auth=False), junk) == "invalid_virtual_key"


def test_a_disabled_key_is_told_so(store: KeyStore) -> None:
    secret = issue(store, "off").secret.encode()
    assert code_of(Authenticator(store, open_auth=False), secret) == "virtual_key_disabled"


def test_a_key_ends_at_its_time_also_when_cached(store: KeyStore, fake_clock: FakeClock) -> None:
    authenticator = Authenticator(store, open_auth=False)
    secret = issue(store, "ends").secret.encode()
    fake_clock.advance(99)
    assert authenticator.authenticate(secret) is not None
    fake_clock.advance(1)
    assert code_of(authenticator, secret) == "virtual_key_expired"
    assert code_of(Authenticator(store, open_auth=False), secret) == "virtual_key_expired"


def test_a_secret_ends_before_its_key_does(store: KeyStore, fake_clock: FakeClock) -> None:
    authenticator = Authenticator(store, open_auth=False)
    secret = issue(store, "ends", lifetime_s=10).secret.encode()
    assert authenticator.authenticate(secret) is not None
    fake_clock.advance(10)
    assert code_of(authenticator, secret) == "virtual_key_expired"


def test_a_revoked_secret_is_refused_after_the_next_refresh(store: KeyStore) -> None:
    authenticator = Authenticator(store, open_auth=False)
    issued = issue(store, "vk")
    secret = issued.secret.encode()
    authenticator.refresh()
    assert authenticator.authenticate(secret) is not None
    assert revoke(store, [issued.stored.digest]) == 1
    authenticator.refresh()
    assert code_of(authenticator, secret) == "invalid_virtual_key"
    assert authenticator.authenticate(FOREIGN) is not None


def test_a_changed_key_shows_after_the_next_refresh(store: KeyStore) -> None:
    authenticator = Authenticator(store, open_auth=False)
    authenticator.authenticate(FOREIGN)
    secrets = [(secret.digest, secret.record) for secret in store.all_secrets()]
    store.sync_configured([VirtualKey(id="vk", allowed_models=("gpt-4o",))], secrets)
    authenticator.refresh()
    key = authenticator.authenticate(FOREIGN)
    assert key is not None
    assert key.allowed_models == ("gpt-4o",)


def test_after_a_rotation_both_secrets_work_until_the_grace_is_over(
    store: KeyStore, fake_clock: FakeClock
) -> None:
    authenticator = Authenticator(store, open_auth=False)
    authenticator.authenticate(FOREIGN)
    rotated = rotate(store, "vk", grace_s=60)
    assert [secret.digest for secret in rotated.limited] == [digest(FOREIGN)]
    authenticator.refresh()
    new = rotated.secret.encode()
    assert authenticator.authenticate(FOREIGN) == authenticator.authenticate(new)
    fake_clock.advance(60)
    assert code_of(authenticator, FOREIGN) == "virtual_key_expired"
    assert authenticator.authenticate(new) is not None


def test_more_secrets_than_the_cache_holds_all_work(store: KeyStore) -> None:
    authenticator = Authenticator(store, open_auth=False, capacity=3)
    secrets = [issue(store, "vk").secret.encode() for _ in range(10)]
    for secret in secrets * 2:
        assert authenticator.authenticate(secret) is not None


def test_refused_secrets_take_no_memory_and_no_verified_secret_stays_in_the_clear(store: KeyStore) -> None:
    authenticator = Authenticator(store, open_auth=False)
    for number in range(1_000):
        assert code_of(authenticator, b"random-%d" % number) == "invalid_virtual_key"
    authenticator.authenticate(FOREIGN)
    assert list(authenticator._verified) == [digest(FOREIGN)]
