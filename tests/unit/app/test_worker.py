"""A worker's life: the first snapshot, the next one, the drain, and the death of its supervisor."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.draining import held_stream, open_stream, until_refused
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET, gateway_config, provider_config
from tests.support.worker_process import Published, WorkerProcess

_HEADERS = {"authorization": f"Bearer {SECRET}"}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def published(tmp_path: Path, provider: FakeProvider) -> Iterator[Published]:
    published = Published(tmp_path, gateway_config({"local": provider_config(provider.url)}))
    yield published
    published.close()


def models(worker: WorkerProcess) -> set[str]:
    answer = httpx.get(f"{worker.url}/v1/models", headers=_HEADERS).raise_for_status()
    return {model["id"] for model in answer.json()["data"]}


def test_waits_for_a_snapshot_and_follows_the_next(published: Published, provider: FakeProvider) -> None:
    with WorkerProcess(published) as worker:
        assert published.publisher.publish().ok
        assert worker.report().error == ""
        assert "gpt-4o" in models(worker)
        published.write_config(gateway_config({"local": provider_config(provider.url, "another")}))
        assert published.publisher.publish().generation == 2
        line = worker.stderr.wait_for(lambda line: "configuration in use" in line, 5)
        assert line is not None
        assert "another" in models(worker)
        worker.terminate()
        assert worker.wait() == 0


def test_told_to_stop_before_a_snapshot(published: Published) -> None:
    with WorkerProcess(published) as worker:
        worker.abandon()
        assert worker.wait() == 0


def test_reports_what_it_cannot_serve(
    published: Published, monkeypatch: pytest.MonkeyPatch, provider: FakeProvider
) -> None:
    """A secret that control can read and the worker cannot: a reason, and no crash loop."""
    monkeypatch.setenv("ONLY_HERE_SECRET", "secret")
    config = provider_config(provider.url, credentials=[{"secret": "${ONLY_HERE_SECRET}"}])
    published.write_config(gateway_config({"local": config}))
    assert published.publisher.publish().ok
    monkeypatch.delenv("ONLY_HERE_SECRET")
    with WorkerProcess(published) as worker:
        assert "ONLY_HERE_SECRET" in worker.report().error
        assert worker.wait() == 1


def test_drain_lets_streams_finish(published: Published, provider: FakeProvider) -> None:
    gate = held_stream(provider)
    published.publisher.publish()
    with WorkerProcess(published) as worker:
        worker.report()
        with open_stream(worker.url) as lines:
            worker.terminate()
            until_refused(worker.url)
            gate.open()
            assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert worker.wait() == 0


def test_drain_ends_at_its_limit(published: Published, provider: FakeProvider) -> None:
    held_stream(provider)
    published.publisher.publish()
    with WorkerProcess(published, drain_s=0.2) as worker:
        worker.report()
        with open_stream(worker.url) as lines:
            worker.terminate()
            rest = list(lines)
        assert any('"error"' in line for line in rest)
        assert "data: [DONE]" not in rest
        assert worker.wait() == 0
        assert any("cut off" in line for line in worker.stderr.seen)


def test_second_signal_ends_at_once(published: Published, provider: FakeProvider) -> None:
    held_stream(provider)
    published.publisher.publish()
    with WorkerProcess(published, drain_s=3_600) as worker:
        worker.report()
        with open_stream(worker.url) as lines:
            worker.terminate()
            until_refused(worker.url)
            worker.terminate()
            assert any('"error"' in line for line in lines)
        assert worker.wait() == 0


def test_orphan_finishes_and_ends(published: Published, provider: FakeProvider) -> None:
    gate = held_stream(provider)
    published.publisher.publish()
    with WorkerProcess(published, drain_s=3_600) as worker:
        worker.report()
        with open_stream(worker.url) as lines:
            worker.abandon()
            until_refused(worker.url)
            gate.open()
            assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert worker.wait() == 0
