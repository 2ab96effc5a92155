"""The key store: lookups, synchronisation with the configuration, and what other processes see."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.processes import python_environment

from fastgate.domain.model_ref import ModelRef
from fastgate.domain.virtual_key import VirtualKey
from fastgate.store.keys import KeyStore, KeyStoreError, SecretRecord, Source, StoredSecret, keys_path

DIGESTS = [bytes([n]) * 32 for n in range(1, 9)]
NOW = 1_700_000_000


def configured(key_id: str, at: int = NOW) -> SecretRecord:
    return SecretRecord(key_id, Source.CONFIG, issued_at_s=at)


def issued(key_id: str, at: int = NOW, not_after_s: int = 0) -> SecretRecord:
    return SecretRecord(key_id, Source.ISSUED, issued_at_s=at, not_after_s=not_after_s)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with KeyStore(keys_path(tmp_path)) as store:
        yield store


def test_a_secret_leads_to_its_key_as_it_was_stored(store: KeyStore) -> None:
    key = VirtualKey(
        id="vk",
        expires_at=NOW,
        allowed_models=("gpt-*",),
        fallbacks=(ModelRef("gpt-4o", "openai"), ModelRef("auto")),
        metadata={"billing": "4711"},
    )
    store.sync_configured([key], [(DIGESTS[0], configured("vk"))])
    assert store.lookup(DIGESTS[0]) == (key, configured("vk"))
    assert store.lookup(DIGESTS[1]) is None
    assert store.key("vk") == key
    assert store.key("other") is None


def test_a_key_may_have_several_secrets(store: KeyStore) -> None:
    store.sync_configured([VirtualKey(id="vk"), VirtualKey(id="vk2")], [])
    store.put_secret(DIGESTS[0], issued("vk", NOW))
    store.put_secret(DIGESTS[1], issued("vk", NOW + 1))
    store.put_secret(DIGESTS[2], issued("vk2"))
    assert [secret.digest for secret in store.secrets_of("vk")] == [DIGESTS[1], DIGESTS[0]]
    assert [secret.digest for secret in store.secrets_of("vk2")] == [DIGESTS[2]]
    assert store.secrets_of("nobody") == []
    assert {secret.digest for secret in store.all_secrets()} == set(DIGESTS[:3])


def test_sync_replaces_what_was_configured_and_keeps_what_was_issued(store: KeyStore) -> None:
    store.sync_configured(
        [VirtualKey(id="stays"), VirtualKey(id="goes")],
        [(DIGESTS[0], configured("stays")), (DIGESTS[1], configured("goes"))],
    )
    store.put_secret(DIGESTS[2], issued("stays"))
    store.put_secret(DIGESTS[3], issued("goes"))

    synced = store.sync_configured(
        [VirtualKey(id="stays", enabled=False), VirtualKey(id="new")], [(DIGESTS[4], configured("new"))]
    )

    assert (synced.keys_written, synced.keys_removed, synced.secrets_removed) == (2, 1, 2)
    assert [key.id for key in store.all_keys()] == ["new", "stays"]
    assert {secret.digest: secret.record.key_id for secret in store.all_secrets()} == {
        DIGESTS[2]: "stays",
        DIGESTS[3]: "goes",
        DIGESTS[4]: "new",
    }
    assert store.lookup(DIGESTS[3]) is None, "without its key it opens nothing"
    found = store.lookup(DIGESTS[2])
    assert found is not None
    assert not found[0].enabled


def test_a_wrong_configuration_for_one_start_loses_no_issued_secret(store: KeyStore) -> None:
    keys = [VirtualKey(id="vk")]
    store.sync_configured(keys, [])
    store.put_secret(DIGESTS[0], issued("vk", not_after_s=NOW + 10))
    store.sync_configured([], [])
    assert store.lookup(DIGESTS[0]) is None
    store.sync_configured(keys, [])
    assert store.lookup(DIGESTS[0]) == (keys[0], issued("vk", not_after_s=NOW + 10))


def test_prune_drops_issued_secrets_of_keys_that_are_gone(store: KeyStore) -> None:
    store.sync_configured([VirtualKey(id="vk")], [])
    for number, key_id in enumerate(("vk", "gone", "not-loaded-yet", "gone")):
        store.put_secret(DIGESTS[number], issued(key_id))
    store.revoke([DIGESTS[3]], NOW)
    assert [secret.digest for secret in store.prune({"not-loaded-yet"})] == [DIGESTS[1]]
    assert {secret.digest for secret in store.all_secrets()} == {DIGESTS[0], DIGESTS[2], DIGESTS[3]}
    assert store.prune({"not-loaded-yet"}) == []
    assert [secret.digest for secret in store.secrets_of("gone")] == [DIGESTS[3]], "revoked for good"


def test_syncing_the_same_configuration_again_is_no_change(store: KeyStore) -> None:
    key, secret = VirtualKey(id="vk"), (DIGESTS[0], configured("vk"))
    store.sync_configured([key], [secret])
    version = store.version()
    synced = store.sync_configured([key], [(DIGESTS[0], configured("vk", NOW + 100))])
    assert synced == (0, 0, 0, ())
    assert store.version() == version
    assert store.secrets_of("vk")[0].record.issued_at_s == NOW


def test_a_secret_can_be_issued_before_its_key_is_configured(store: KeyStore) -> None:
    store.put_secret(DIGESTS[0], issued("vk"))
    assert store.lookup(DIGESTS[0]) is None
    store.sync_configured([VirtualKey(id="vk")], [])
    assert store.lookup(DIGESTS[0]) is not None


def test_a_configured_secret_may_move_to_another_key(store: KeyStore) -> None:
    keys = [VirtualKey(id="a"), VirtualKey(id="b")]
    store.sync_configured(keys, [(DIGESTS[0], configured("a"))])
    store.sync_configured(keys, [(DIGESTS[0], configured("b"))])
    assert store.secrets_of("a") == []
    assert [secret.digest for secret in store.secrets_of("b")] == [DIGESTS[0]]


def test_an_issued_secret_that_is_configured_later_belongs_to_the_configuration(store: KeyStore) -> None:
    store.put_secret(DIGESTS[0], issued("vk", not_after_s=NOW + 50))
    keys, secrets = [VirtualKey(id="vk")], [(DIGESTS[0], configured("vk", NOW + 9))]
    store.sync_configured(keys, secrets)
    assert store.secrets_of("vk") == [
        StoredSecret(DIGESTS[0], SecretRecord("vk", Source.CONFIG, NOW, not_after_s=NOW + 50))
    ]
    assert store.sync_configured(keys, []).secrets_removed == 1
    assert store.secrets_of("vk") == []


def test_only_the_keys_that_changed_are_written(store: KeyStore) -> None:
    keys = [VirtualKey(id=name) for name in ("a", "b", "c")]
    assert store.sync_configured(keys, []).keys_written == 3
    changed = [VirtualKey(id="d"), VirtualKey(id="b", enabled=False), keys[0]]
    assert store.sync_configured(changed, [])[:2] == (2, 1)
    assert sorted(store.all_keys(), key=lambda key: key.id) == [keys[0], changed[1], changed[0]]


def test_the_keys_of_all_revoked_secrets_are_told(store: KeyStore) -> None:
    keys = [VirtualKey(id=name) for name in ("a", "b", "c")]
    secrets = [(digest, configured(key.id)) for digest, key in zip(DIGESTS, reversed(keys), strict=False)]
    store.sync_configured(keys, secrets)
    store.revoke([DIGESTS[0], DIGESTS[2]], NOW)
    assert store.sync_configured(keys, secrets).revoked == ("a", "c")


def test_a_revoked_secret_stays_revoked_whatever_the_configuration_says(store: KeyStore) -> None:
    keys, secrets = [VirtualKey(id="vk")], [(DIGESTS[0], configured("vk"))]
    store.sync_configured(keys, secrets)
    assert store.revoke([DIGESTS[0], DIGESTS[5]], NOW + 5) == 1
    assert store.revoke([DIGESTS[0]], NOW + 6) == 0
    assert store.lookup(DIGESTS[0]) is None

    assert store.sync_configured(keys, secrets).revoked == ("vk",)
    assert store.lookup(DIGESTS[0]) is None
    store.sync_configured([], [])
    store.sync_configured(keys, secrets)
    assert store.lookup(DIGESTS[0]) is None
    assert store.secrets_of("vk")[0].record.revoked_at_s == NOW + 5


def test_rotation_ends_the_other_secrets_and_a_reload_does_not_undo_it(store: KeyStore) -> None:
    keys, secrets = [VirtualKey(id="vk")], [(DIGESTS[0], configured("vk"))]
    store.sync_configured(keys, secrets)
    store.put_secret(DIGESTS[1], issued("vk", not_after_s=NOW + 10))
    store.put_secret(DIGESTS[2], issued("vk", not_after_s=NOW + 1000))
    store.put_secret(DIGESTS[3], issued("vk"))
    store.revoke([DIGESTS[3]], NOW)

    limited = store.rotate(DIGESTS[4], issued("vk", NOW + 1), NOW + 100)

    assert {secret.digest for secret in limited} == {DIGESTS[0], DIGESTS[2]}
    store.sync_configured(keys, secrets)
    ends = {secret.digest: secret.record.not_after_s for secret in store.secrets_of("vk")}
    assert ends == {
        DIGESTS[0]: NOW + 100,
        DIGESTS[1]: NOW + 10,
        DIGESTS[2]: NOW + 100,
        DIGESTS[3]: 0,
        DIGESTS[4]: 0,
    }


def test_usable_says_until_when() -> None:
    assert issued("vk").usable(NOW)
    assert issued("vk", not_after_s=NOW + 1).usable(NOW)
    assert not issued("vk", not_after_s=NOW).usable(NOW)
    assert not SecretRecord("vk", Source.ISSUED, issued_at_s=NOW, revoked_at_s=NOW).usable(NOW)


def test_fingerprint_is_the_start_of_the_digest() -> None:
    assert StoredSecret(bytes.fromhex("deadbeef" * 8), issued("vk")).fingerprint == "deadbeef"


def test_only_the_owner_can_read_the_files(store: KeyStore) -> None:
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o700
    files = list(store.path.iterdir())
    assert {file.name for file in files} == {"data.mdb", "lock.mdb"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_the_data_directory_is_made_for_its_owner_only_and_one_that_is_there_is_left(tmp_path: Path) -> None:
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    KeyStore(keys_path(tmp_path / "new")).close()
    assert (mode(tmp_path / "new"), mode(keys_path(tmp_path / "new"))) == (0o700, 0o700)
    keys_path(tmp_path / "old").mkdir(parents=True)
    keys_path(tmp_path / "old").chmod(0o750)
    (tmp_path / "old").chmod(0o750)
    KeyStore(keys_path(tmp_path / "old")).close()
    assert (mode(tmp_path / "old"), mode(keys_path(tmp_path / "old"))) == (0o750, 0o750)


def test_the_version_shows_commits_of_other_processes_and_nothing_else(store: KeyStore) -> None:
    before = store.version()
    assert store.lookup(DIGESTS[0]) is None
    assert store.version() == before
    in_another_process(store, "KeyStore(path).close()")
    assert store.version() == before
    in_another_process(
        store, "KeyStore(path).put_secret(b'x' * 32, SecretRecord('vk', Source.ISSUED, issued_at_s=1))"
    )
    assert store.version() != before


def test_a_reader_in_another_process_sees_what_is_committed_while_it_is_open(store: KeyStore) -> None:
    store.sync_configured([VirtualKey(id="vk")], [])
    code = (
        "store = KeyStore(path, readonly=True); before = store.version()\n"
        "print('open', flush=True); sys.stdin.readline()\n"
        "print(store.version() != before, store.lookup(b'x' * 32) is not None, flush=True)"
    )
    with subprocess.Popen(
        command(store, code),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=python_environment(),
    ) as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        assert reader.stdout.readline() == "open\n"
        store.put_secret(b"x" * 32, issued("vk"))
        reader.stdin.write("\n")
        reader.stdin.flush()
        assert reader.stdout.readline() == "True True\n"


def test_reading_a_store_that_does_not_exist_creates_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="no key store at"):
        KeyStore(keys_path(tmp_path), readonly=True)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_store_is_an_error_that_names_the_directory(tmp_path: Path) -> None:
    path = keys_path(tmp_path)
    path.mkdir()
    (path / "data.mdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(KeyStoreError, match=str(path)):
        KeyStore(path)


def test_writing_to_a_readonly_store_is_refused(tmp_path: Path) -> None:
    KeyStore(keys_path(tmp_path)).close()
    with KeyStore(keys_path(tmp_path), readonly=True) as store, pytest.raises(KeyStoreError):
        store.put_secret(DIGESTS[0], issued("vk"))


def test_a_digest_has_32_bytes(store: KeyStore) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        store.put_secret(b"short", issued("vk"))


def command(store: KeyStore, code: str) -> list[str]:
    prelude = f"import sys; from fastgate.store.keys import *; path = {str(store.path)!r}\n"
    return [sys.executable, "-c", prelude + code]


def in_another_process(store: KeyStore, code: str) -> None:
    subprocess.run(command(store, code), env=python_environment(), check=True)
