"""Publishing a configuration: what workers then find in the data directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.gateway_process import SECRET, gateway_config, provider_config
from tests.support.worker_process import Published

from fastgate.keys import secret as secrets
from fastgate.launch import Embedded
from fastgate.store.counters import ROOM

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
    assert published.publisher.publish().generation == 2
    assert published.publisher.last is not None


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
    result = published.publisher.publish()
    assert (result.ok, result.generation) == (False, 1)


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
    published.write_config(CONFIG)
    assert published.publisher.publish().ok
    published.write_config(exposed)
    assert published.publisher.publish().ok


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
