"""A worker's life: the first snapshot, the next one, the drain, and the death of its supervisor."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize("lost", ["keys/data.mdb", "snapshot", "counters"])
def test_reports_why_it_cannot_serve(published: Published, lost: str) -> None:
    """Whatever it is, so that the start is refused and does not hang."""
    assert published.publisher.publish().ok
    (published.data_dir.path / lost).write_bytes(b"\0" * 100)
    with WorkerProcess(published) as worker:
        assert worker.report().error.startswith("worker-1: ")
        assert worker.wait() == 1


def chat(worker: WorkerProcess, model: str) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    return httpx.post(f"{worker.url}/v1/chat/completions", json=body, headers=_HEADERS)


def in_use(worker: WorkerProcess) -> None:
    assert worker.stderr.wait_for(lambda line: "configuration in use" in line, 5) is not None


def with_secret_file(provider: FakeProvider, secret: Path, *models: str) -> dict[str, Any]:
    lost = provider_config(provider.url, *models, credentials=[{"id": "lost", "secret": f"file:{secret}"}])
    return gateway_config({"lost": lost, "local": provider_config(provider.url, "other")})


def test_a_missing_secret_costs_its_credential_only(
    published: Published, provider: FakeProvider, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret-of-the-file")
    published.write_config(with_secret_file(provider, secret))
    assert published.publisher.publish().ok
    secret.unlink()
    with WorkerProcess(published) as worker:
        assert worker.report().error == ""
        line = worker.stderr.wait_for(lambda line: "credential out of use" in line, 5)
        assert line is not None
        assert str(secret) in line
        assert chat(worker, "other").status_code == 200
        assert chat(worker, "gpt-4o").status_code == 503
        assert [request.secret for request in provider.requests] == ["upstream-secret-main"]
        assert published.generations() == {"worker-1": 1}

        secret.write_text("secret-of-the-file")
        in_use(worker)
        assert chat(worker, "gpt-4o").status_code == 200
        assert provider.requests[-1].secret == "secret-of-the-file"


def test_a_secret_that_is_missing_for_a_moment_at_a_reload(
    published: Published, provider: FakeProvider, tmp_path: Path
) -> None:
    """The old configuration goes on with what it has in memory; the new one is taken when it can be."""
    secret = tmp_path / "secret"
    secret.write_text("secret-of-the-file")
    published.write_config(with_secret_file(provider, secret))
    published.publisher.publish()
    with WorkerProcess(published) as worker:
        worker.report()
        away = secret.rename(tmp_path / "away")
        published.write_config(with_secret_file(provider, away, "gpt-4o", "another"))
        published.publisher.publish()
        moved = away.rename(secret)
        assert worker.stderr.wait_for(lambda line: "configuration not usable here" in line, 5) is not None
        assert "another" not in models(worker)
        assert chat(worker, "gpt-4o").status_code == 200
        assert published.generations() == {"worker-1": 1}
        moved.rename(away)
        in_use(worker)
        assert "another" in models(worker)
        assert published.generations() == {"worker-1": 2}
        lines = [line for line in worker.stderr.seen if "configuration not usable here" in line]
        assert len(lines) == 1


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


def test_a_repeated_signal_changes_nothing(published: Published, provider: FakeProvider) -> None:
    """A service manager signals the worker, and so does the supervisor that it signals too."""
    gate = held_stream(provider)
    published.publisher.publish()
    with WorkerProcess(published, drain_s=3_600) as worker:
        worker.report()
        with open_stream(worker.url) as lines:
            for _ in range(3):
                worker.terminate()
                until_refused(worker.url)
            gate.open()
            assert list(lines)[-2:] == ["data: [DONE]", ""]
        assert worker.wait() == 0


def test_hurried_it_ends_at_once(published: Published, provider: FakeProvider) -> None:
    held_stream(provider)
    published.publisher.publish()
    with WorkerProcess(published, drain_s=3_600) as worker:
        worker.report()
        with open_stream(worker.url) as lines:
            worker.terminate()
            until_refused(worker.url)
            worker.process.send_signal(signal.SIGQUIT)
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
