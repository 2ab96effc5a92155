"""Publishing a configuration: what workers then find in the data directory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.gateway_process import SECRET, gateway_config, provider_config
from tests.support.worker_process import Published

from fastgate._core.shm import key_of as key_of_slot
from fastgate.keys import secret as secrets
from fastgate.keys.lifecycle import issue
from fastgate.launch import Embedded
from fastgate.routing.slot_layout import deployment_name
from fastgate.store import processes
from fastgate.store.counters import ROOM, Header
from fastgate.store.processes import ProcessRecord

CONFIG = gateway_config({"local": provider_config("http://127.0.0.1:1/v1")})


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    published = Published(tmp_path, CONFIG)
    yield published
    published.close()


def key_of(published: Published, secret: str) -> str | None:
    found = published.store.lookup(secrets.digest(secret.encode()))
    return None if found is None else found[0].id


def test_snapshot_keys_and_generation(published: Published) -> None:
    assert published.publisher.generation == 0
    result = published.publisher.publish()
    assert (result.ok, result.generation) == (True, 1)
    assert published.publisher.current().generation == 1
    assert "local" in published.publisher.current().providers
    assert key_of(published, SECRET) == "vk_test"
    assert published.publisher.last is not None


def another(*models: str, **more: Any) -> dict[str, object]:
    return gateway_config({"local": provider_config("http://127.0.0.1:1/v1", *models)}, **more)


def test_what_is_as_it_was_is_not_published_again(published: Published) -> None:
    """Workers would start their caches and retry budgets anew."""
    published.publisher.publish()

    def state() -> tuple[int, int, int]:
        snapshot = published.data_dir.snapshot.stat()
        return snapshot.st_ino, snapshot.st_mtime_ns, published.store.version()

    before = state()
    for _ in range(3):
        result = published.publisher.publish()
        assert (result.ok, result.generation) == (True, 1)
    assert state() == before
    published.write_config(another("another"))
    assert published.publisher.publish().generation == 2


def test_the_order_of_providers_is_a_change(published: Published) -> None:
    providers = {name: provider_config("http://127.0.0.1:1/v1") for name in ("one", "two")}
    published.write_config(gateway_config(providers))
    assert published.publisher.publish().generation == 1
    published.write_config(gateway_config(dict(reversed(providers.items()))))
    assert published.publisher.publish().generation == 2


def test_only_keys_change(published: Published) -> None:
    """They are in the key store, where each worker looks."""
    published.publisher.publish()
    published.write_config({**CONFIG, "virtual_keys": [{"id": "vk_other", "secret": SECRET}]})
    assert published.publisher.publish().generation == 1
    assert key_of(published, SECRET) == "vk_other"


def test_a_secret_in_a_file_that_changes_is_a_change(published: Published, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("one")
    provider = provider_config("http://127.0.0.1:1/v1", credentials=[{"secret": f"file:{secret}"}])
    published.write_config(gateway_config({"local": provider}))
    assert published.publisher.publish().generation == 1
    assert published.publisher.publish().generation == 1
    secret.write_text("another")
    assert published.publisher.publish().generation == 2


def test_a_snapshot_that_is_damaged_is_published_again(published: Published) -> None:
    published.publisher.publish()
    published.data_dir.snapshot.write_bytes(b"damaged")
    assert published.publisher.publish().generation == 2
    assert published.publisher.current().generation == 2


def test_upstream_secrets_by_reference_stay_out_of_the_snapshot(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_SECRET", "the-very-secret")
    provider = provider_config("http://127.0.0.1:1/v1", credentials=[{"secret": "${UPSTREAM_SECRET}"}])
    published.write_config(gateway_config({"local": provider}))
    assert published.publisher.publish().ok
    assert b"the-very-secret" not in published.data_dir.snapshot.read_bytes()
    assert published.data_dir.snapshot.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "broken",
    [
        {"sever": {}},
        {"routes": {"r": [{"deployments": [{"provider": "nobody", "model": "m"}]}]}},
        {"virtual_keys": [{"id": "a", "secret": SECRET}, {"id": "b", "secret": SECRET}]},
    ],
    ids=["form", "routing", "keys"],
)
def test_a_broken_one_changes_nothing(published: Published, broken: dict[str, object]) -> None:
    published.publisher.publish()
    before = published.data_dir.snapshot.read_bytes(), published.store.version()
    published.write_config({**CONFIG, **broken})
    result = published.publisher.publish()
    assert (result.ok, result.generation) == (False, 1)
    assert any(finding.severity == "error" for finding in result.diagnostics)
    assert (published.data_dir.snapshot.read_bytes(), published.store.version()) == before


def test_a_missing_file_changes_nothing(published: Published) -> None:
    published.publisher.publish()
    published.config_path.unlink()
    assert not published.publisher.publish().ok
    assert published.publisher.generation == 1


def test_a_snapshot_that_cannot_be_written(published: Published) -> None:
    published.publisher.publish()
    published.data_dir.snapshot.unlink()
    published.data_dir.snapshot.mkdir()
    version = published.store.version()
    published.write_config(another("other", virtual_keys=[]))
    result = published.publisher.publish()
    assert (result.ok, result.generation) == (False, 1)
    assert published.store.version() == version
    assert key_of(published, SECRET) == "vk_test"


def test_keys_that_cannot_be_written(published: Published) -> None:
    published.publisher.publish()
    before = published.data_dir.snapshot.read_bytes()
    published.write_config(another("other"))
    published.store.close()
    result = published.publisher.publish()
    assert (result.ok, result.generation) == (False, 1)
    assert published.data_dir.snapshot.read_bytes() == before
    assert not list(published.data_dir.path.glob("*.tmp"))


def test_what_nobody_thought_of_is_a_refusal(tmp_path: Path) -> None:
    """Here: a supervisor of another version, which names a setting that there is not."""
    published = Published(tmp_path, CONFIG, running={"server.no_such": 1})
    version = published.store.version()
    result = published.publisher.publish()
    assert (result.ok, result.generation) == (False, 0)
    assert "KeyError" in result.diagnostics[-1].message
    assert not published.data_dir.snapshot.exists()
    assert published.store.version() == version
    published.close()


def test_a_key_that_is_gone_is_not_known(published: Published) -> None:
    published.publisher.publish()
    published.write_config({**CONFIG, "virtual_keys": []})
    assert published.publisher.publish().ok
    assert key_of(published, SECRET) is None


def test_more_deployments_than_shared_memory_has_room_for(published: Published) -> None:
    published.publisher.publish()
    models = [f"model-{number}" for number in range(ROOM)]
    published.write_config(gateway_config({"local": provider_config("http://127.0.0.1:1/v1", *models)}))
    result = published.publisher.publish()
    assert (result.ok, result.generation) == (False, 1)
    assert f"there are {ROOM}" in result.diagnostics[-1].message


def test_exposure_is_refused_at_the_start_only(published: Published) -> None:
    """At a reload the address is what it was, and a gateway without keys answers 401 to everyone."""
    exposed = {**CONFIG, "virtual_keys": [], "server": {"host": "0.0.0.0"}}
    published.write_config(exposed)
    assert not published.publisher.publish().ok
    assert published.publisher.generation == 0
    assert not published.data_dir.snapshot.exists()
    published.write_config(CONFIG)
    assert published.publisher.publish().ok
    published.write_config(exposed)
    assert published.publisher.publish().ok


def test_slots_of_what_is_gone_are_given_free_when_no_worker_uses_it(published: Published) -> None:
    published.publisher.publish()
    counters, names = published.counters, ("local/gpt-4o", "local/another")
    counters.header_store(Header.WORKERS, 1)
    processes.record(counters, ProcessRecord("worker-1", 11, 0, 1))
    processes.took(counters, "worker-1", 1)
    slots = [key_of_slot(deployment_name(name)) for name in names]
    for slot in slots:
        counters.claim(slot)
    published.write_config(another("another"))
    assert published.publisher.publish().generation == 2
    published.publisher.tidy()
    assert all(counters.find(slot) >= 0 for slot in slots)
    processes.took(counters, "worker-1", 2)
    published.publisher.tidy()
    assert [counters.find(slot) >= 0 for slot in slots] == [False, True]


def test_a_refused_start_leaves_the_keys_alone(tmp_path: Path) -> None:
    """The wrong file, by mistake, must not cost anybody the secrets that were issued."""
    published = Published(tmp_path, CONFIG)
    published.publisher.publish()
    issued = issue(published.store, "vk_test")
    published.close()
    published = Published(tmp_path, {**CONFIG, "virtual_keys": [], "server": {"host": "0.0.0.0"}})
    version = published.store.version()
    assert not published.publisher.publish().ok
    assert published.store.version() == version
    assert key_of(published, issued.secret) == "vk_test"
    published.close()


def test_ready_made_key_goes_when_one_is_configured(tmp_path: Path) -> None:
    secret = secrets.generate()
    embedded = Embedded(key_hash=secrets.digest(secret.encode()).hex())
    published = Published(tmp_path, {**CONFIG, "virtual_keys": []}, embedded)
    published.publisher.publish()
    assert key_of(published, secret) == "ready-made"
    published.write_config(CONFIG)
    published.publisher.publish()
    assert key_of(published, secret) is None
    assert key_of(published, SECRET) == "vk_test"
    published.close()
