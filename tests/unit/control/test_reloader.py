"""When the configuration is published, and what a reload says of the workers."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.gateway_process import gateway_config, provider_config
from tests.support.worker_process import Published

from fastgate.control import reloader as reloader_module
from fastgate.control.compile import compile_here
from fastgate.control.compiling import CompileRequest
from fastgate.control.handover import Handover
from fastgate.control.reloader import Reloader
from fastgate.control.watch import stamp
from fastgate.launch import Embedded
from fastgate.store import processes
from fastgate.store.counters import Header
from fastgate.store.processes import ProcessRecord


def config(*models: str) -> dict[str, object]:
    return gateway_config({"local": provider_config("http://127.0.0.1:1/v1", *models)})


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    published = Published(tmp_path, config())
    yield published
    published.close()


def deployments(published: Published) -> set[str]:
    return set(published.publisher.current().deployments)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 (what is waited for is in shared memory)
            await asyncio.sleep(0.01)


def test_a_change_before_the_first_watch_is_seen(published: Published) -> None:
    async def scenario() -> None:
        reloader = Reloader(published.publisher, published.counters)
        assert reloader.reload().generation == 1
        published.write_config(config("another"))
        watching = asyncio.ensure_future(reloader.watch())
        await until(lambda: published.publisher.generation == 2)
        watching.cancel()

    asyncio.run(scenario())


def test_what_was_handed_over_is_published_and_a_change_since_then_is_seen(published: Published) -> None:
    async def scenario() -> None:
        read = stamp(published.config_path)
        request = CompileRequest(str(published.config_path), str(published.data_dir.path), Embedded())
        handed = Handover(read, compile_here(request, {}))
        published.write_config(config("another"))
        reloader = Reloader(published.publisher, published.counters)
        assert reloader.first(handed).generation == 1
        assert "local/another" not in deployments(published)
        watching = asyncio.ensure_future(reloader.watch())
        await until(lambda: published.publisher.generation == 2)
        watching.cancel()
        assert "local/another" in deployments(published)

    asyncio.run(scenario())


def test_where_nothing_was_handed_over_the_configuration_is_read(published: Published) -> None:
    reloader = Reloader(published.publisher, published.counters)
    assert reloader.first(None).generation == 1


def test_the_watch_outlives_what_cannot_be_published(published: Published) -> None:
    async def scenario() -> None:
        reloader = Reloader(published.publisher, published.counters)
        reloader.reload()
        watching = asyncio.ensure_future(reloader.watch())
        away = published.data_dir.snapshot.rename(published.data_dir.path / "away")
        published.data_dir.snapshot.mkdir()
        published.write_config(config("another"))
        await until(lambda: published.publisher.last is not None and not published.publisher.last.ok)
        published.data_dir.snapshot.rmdir()
        away.rename(published.data_dir.snapshot)
        published.write_config(config("a third"))
        await until(lambda: published.publisher.generation == 2)
        watching.cancel()

    asyncio.run(scenario())


def test_a_storm_of_signals_is_few_reloads(published: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloader_module, "PAUSE_S", 0.0)
    read: list[int] = []

    async def scenario() -> None:
        reloader = Reloader(published.publisher, published.counters)
        reloader.reload()
        obeying = asyncio.ensure_future(reloader.obey_signals())
        await asyncio.sleep(0)
        published.publisher.last = None
        for _ in range(1_000):
            reloader.signalled()
        await until(lambda: published.publisher.last is not None)
        published.publisher.last = None
        for _ in range(100):
            await asyncio.sleep(0)
            read.append(published.publisher.last is not None)
        obeying.cancel()

    asyncio.run(scenario())
    assert not any(read)


def test_a_reload_says_which_workers_are_behind(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloader_module, "WORKERS_WAIT_S", 0.1)
    counters = published.counters
    counters.header_store(Header.WORKERS, 4)
    for number, pid in ((1, 11), (2, 12), (3, 0), (4, 14)):
        processes.record(counters, ProcessRecord(f"worker-{number}", pid, 0, 1))
    reloader = Reloader(published.publisher, counters)
    assert reloader.reload().behind == ()
    for number in (1, 2, 3):
        processes.took(counters, f"worker-{number}", 1)
    published.write_config(config("another"))

    async def scenario() -> None:
        reloading = asyncio.ensure_future(reloader.reload_everywhere())
        await until(lambda: published.publisher.generation == 2)
        processes.took(counters, "worker-2", 2)
        # worker-3 is away, worker-4 is starting: both begin with what is published.
        assert (await reloading).behind == ("worker-1",)
        processes.took(counters, "worker-1", 2)
        assert (await reloader.reload_everywhere()).behind == ()

    asyncio.run(scenario())
