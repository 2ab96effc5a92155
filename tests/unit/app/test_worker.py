"""A worker's life: the first snapshot, the next one, the drain, and the death of its supervisor."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.support.builders import LAST_CHUNK, chunk
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET, gateway_config, provider_config
from tests.support.replies import Gate, Wait, stream_then
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


@contextmanager
def open_stream(worker: WorkerProcess) -> Iterator[Iterator[str]]:
    """The lines of a streamed chat, whose first piece has arrived."""
    body = {"model": "gpt-4o", "stream": True, "messages": []}
    url = f"{worker.url}/v1/chat/completions"
    with (
        httpx.Client(timeout=20) as client,
        client.stream("POST", url, headers=_HEADERS, json=body) as answer,
    ):
        assert answer.status_code == 200
        lines = answer.iter_lines()
        for line in lines:
            if "first" in line:
                break
        yield lines


def held_stream(provider: FakeProvider) -> Gate:
    """The provider sends a piece, waits for the gate, and ends its stream well."""
    gate = Gate()
    provider.script(
        stream_then(
            ["first"], Wait(gate), chunk(sse({"choices": []})), chunk(b"data: [DONE]\n\n"), LAST_CHUNK
        )
    )
    return gate


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
        with open_stream(worker) as lines:
            worker.terminate()
            until_refused(worker)
            gate.open()
            assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert worker.wait() == 0


def test_drain_ends_at_its_limit(published: Published, provider: FakeProvider) -> None:
    held_stream(provider)
    published.publisher.publish()
    with WorkerProcess(published, drain_s=0.2) as worker:
        worker.report()
        with open_stream(worker) as lines:
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
        with open_stream(worker) as lines:
            worker.terminate()
            until_refused(worker)
            worker.terminate()
            assert any('"error"' in line for line in lines)
        assert worker.wait() == 0


def test_orphan_finishes_and_ends(published: Published, provider: FakeProvider) -> None:
    gate = held_stream(provider)
    published.publisher.publish()
    with WorkerProcess(published, drain_s=3_600) as worker:
        worker.report()
        with open_stream(worker) as lines:
            worker.abandon()
            until_refused(worker)
            gate.open()
            assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert worker.wait() == 0


def until_refused(worker: WorkerProcess) -> None:
    """Return when the worker accepts no more connections."""
    for _ in range(200):
        try:
            httpx.get(f"{worker.url}/health/live", timeout=5)
        except httpx.TransportError:
            return
    raise AssertionError("the worker goes on accepting")
