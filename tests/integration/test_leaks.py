"""After every fault there is, nothing is left: no request, no connection, no open file, no memory."""

import asyncio
import socket
import threading
from pathlib import Path

import httpx
import psutil
import pytest
from tests.support import failover
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import GatewayProcess
from tests.support.memory import MIB, rss
from tests.support.metrics import Scrape
from tests.support.processes import in_thread

GAUGES = (
    "fastgate_requests_in_flight",
    "fastgate_open_streams",
    "fastgate_pool_open_connections",
    "fastgate_pool_idle_connections",
    "fastgate_pool_waiting_requests",
    "fastgate_holds",
)
# What a round may add: series and caches of what was not met in the first.
SLACK_MIB = 2
# Files that are opened when they are first needed.
OPENED_ONCE = 2


def at_rest(scrape: Scrape) -> bool:
    return not any(scrape.value(gauge) for gauge in GAUGES)


def until_files(process: psutil.Process, wanted: int) -> None:
    """Wait for so many open files: sockets are closed a moment after their last byte."""
    pause = threading.Event()
    for _ in range(100):
        if process.num_fds() <= wanted:
            return
        pause.wait(0.05)
    raise AssertionError(
        f"{process.num_fds()} open files, before it were {wanted}: {process.net_connections()}"
    )


async def play(gateway: GatewayProcess, provider: FakeProvider, cells: list[failover.Cell]) -> None:
    """Each cell of the matrix once, then no connection on either side."""
    failover.script(provider, cells)
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(base_url=gateway.base_url, timeout=30, limits=limits) as client:
        await asyncio.gather(*(failover.observe(client, cell) for cell in cells))
    await in_thread(provider.drop_connections)
    await gateway.until_metric(at_rest)
    provider.reset()


@pytest.mark.timeout(120)
async def test_nothing_is_left_after_faults(tmp_path: Path) -> None:
    with FakeProvider() as provider, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        cells = list(failover.cells())
        config = failover.configuration(provider, closed.getsockname()[1], cells)
        with GatewayProcess(config, tmp_path) as gateway:
            worker = psutil.Process(gateway.pids()["worker-1"])
            files = worker.num_fds() + OPENED_ONCE
            await play(gateway, provider, cells)
            await in_thread(lambda: until_files(worker, files))
            files, threads, memory = worker.num_fds(), worker.num_threads(), rss(worker.pid)
            await play(gateway, provider, list(failover.cells()))
            await in_thread(lambda: until_files(worker, files))
            assert worker.num_threads() <= threads
            assert rss(worker.pid) < memory + SLACK_MIB * MIB
            status = await gateway.astatus()
            assert status["in_flight"] == 0
            assert not any(deployment["in_flight"] for deployment in status["deployments"])
