"""What the status says of processes, deployments and credentials."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.gateway_process import gateway_config, provider_config
from tests.support.worker_process import Published

from fastgate import clock
from fastgate.control.identities.errors import MintingFailed
from fastgate.control.identities.login import Login
from fastgate.control.status import StatusReader
from fastgate.domain.credential import AwsIdentity, Minted
from fastgate.routing.health import Health
from fastgate.store import processes
from fastgate.store.counters import Header
from fastgate.store.processes import ProcessRecord

SECOND = 1_000_000_000


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    published = Published(
        tmp_path, gateway_config({"local": provider_config("http://127.0.0.1:1/v1", "used", "unused")})
    )
    published.publisher.publish()
    published.counters.header_store(Header.WORKERS, 2)
    published.counters.header_store(Header.SUPERVISOR_PID, 4711)
    published.counters.header_store(Header.STARTED_NS, clock.monotonic_ns() - 5 * SECOND)
    yield published
    published.close()


def test_processes(published: Published) -> None:
    now_ns = clock.monotonic_ns()
    processes.record(published.counters, ProcessRecord("worker-1", os.getpid(), 2, now_ns - 3 * SECOND))
    processes.record(published.counters, ProcessRecord("control", 0, 1, now_ns))
    status = StatusReader(published.publisher, published.counters, dict).read()
    assert status.pid == 4711
    assert 5 <= status.uptime_s < 15
    worker, control = status.processes
    assert (worker.name, worker.restarts) == ("worker-1", 2)
    assert 3 <= worker.uptime_s < 13
    assert worker.rss_bytes > 1_000_000
    assert (control.name, control.pid, control.uptime_s, control.rss_bytes) == ("control", 0, 0.0, 0)


def test_only_deployments_that_tell_something(published: Published) -> None:
    reader = StatusReader(published.publisher, published.counters, dict)
    snapshot = published.publisher.current()
    provider = snapshot.providers["local"]
    health = Health(published.counters, 0)
    for id_ in snapshot.deployments:
        health.deployment(id_, provider.breaker)
        for credential in provider.credentials:
            health.credential(id_, "local", credential)
    assert reader.read().deployments == ()
    assert [credential.cooldown_s for credential in reader.read().credentials] == [0.0]

    used = health.deployment("local/used", provider.breaker)
    used.begin()
    used.observe(20_000_000, clock.monotonic_ns())
    cooling = health.credential("local/used", "local", provider.credentials[0])
    cooling.cool_down(clock.monotonic_ns() + 9 * SECOND)
    status = reader.read()
    assert [(each.id, each.breaker, each.in_flight) for each in status.deployments] == [
        ("local/used", "closed", 1)
    ]
    assert 0 < status.deployments[0].latency_ms <= 20
    assert status.in_flight == 1
    (shown,) = status.credentials
    assert (shown.provider, shown.id, shown.state) == ("local", "main", "cooling_down")
    assert 0 < shown.cooldown_s <= 9

    cooling.reject(everywhere=True)
    assert reader.read().credentials[0].state == "rejected"


def test_a_login_that_fails(published: Published) -> None:
    login = Login("local", "main", "f", AwsIdentity(), random.Random(1))
    reader = StatusReader(published.publisher, published.counters, lambda: {("local", "main"): login})

    def shown() -> tuple[str, str]:
        (credential,) = reader.read().credentials
        return credential.state, credential.login_failure

    assert shown() == ("no_secret", "")
    login.failed(MintingFailed("the token service does not answer"))
    assert shown() == ("no_secret", "the token service does not answer")
    login.succeeded(Minted("secret", 0))
    assert shown() == ("ok", "")
    login.failed(MintingFailed("gone"))
    assert shown() == ("ok", "gone"), "it has one until that expires"
