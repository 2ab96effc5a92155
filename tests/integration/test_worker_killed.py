"""A process of the gateway is killed under load: who is hit, how soon it is back, what the counters say."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tests.support.builders import DONE, LAST_CHUNK, chunk
from tests.support.event_stream import DONE as DONE_EVENT
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import GatewayProcess, gateway_config, provider_config
from tests.support.load import Answer, Connection, accepted_by, open_streams
from tests.support.metrics import Scrape
from tests.support.processes import in_thread
from tests.support.raw_client import chat_body, request
from tests.support.replies import Gate, Reply, Sleep, Wait, chat_stream, reply

STREAMS = 200
BACK_WITHIN_S = 2.0
BEFORE = [f"before-{number} " for number in range(5)]
AFTER = [f"after-{number} " for number in range(20)]
GAP_S = 0.1

PLAIN = request(chat_body())
STREAM = request(chat_body(stream=True))


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def flowing(gate: Gate) -> Reply:
    """A few pieces at once, then, from the gate on, one every `GAP_S`."""
    steps = list(chat_stream([*BEFORE, *AFTER]).steps)
    head_and_role = 2
    start = head_and_role + len(BEFORE)
    later = [step for sent in steps[start:] for step in (Sleep(GAP_S), sent)]
    return Reply([*steps[:start], Wait(gate), *later])


def has(text: str) -> Callable[[Answer], bool]:
    return lambda answer: text.encode() in answer.body


async def until_back(gateway: GatewayProcess, name: str, dead: int) -> int:
    """The pid of the successor, once the gateway's status has one."""

    def look() -> int:
        deadline = time.monotonic() + 10
        while (pid := gateway.pids()[name]) in {0, dead}:
            assert time.monotonic() < deadline, f"{name} did not come back"
        return pid

    return await in_thread(look)


async def until_it_serves(gateway: GatewayProcess, pid: int) -> None:
    """Connect until the process with this pid has answered: workers take connections as they please."""
    for _ in range(2_000):
        connection = await Connection.connect(gateway.url)
        answer = await connection.call(request(method="GET", path="/health/ready"))
        found = accepted_by(pid, [connection])
        connection.close()
        if found:
            assert answer.status == 200
            return
    raise AssertionError(f"{pid} never took a connection")


def requests_total(scrape: Scrape) -> float:
    return scrape.value("fastgate_requests_total", endpoint="chat")


async def repeat(work: Callable[[], Awaitable[None]], ended: asyncio.Event) -> None:
    while not ended.is_set():
        await work()


async def test_a_killed_worker_takes_its_own_streams_and_no_others(
    provider: FakeProvider, tmp_path: Path
) -> None:
    gate = Gate()
    config = gateway_config(
        {"fake": provider_config(provider.url)},
        workers=2,
        routes={
            "gpt-4o": [{"strategy": "least_busy", "deployments": [{"provider": "fake", "model": "gpt-4o"}]}]
        },
    )
    with GatewayProcess(config, tmp_path) as gateway:
        plain = await Connection.connect(gateway.url)
        assert (await plain.call(PLAIN)).status == 200
        plain.close()
        provider.script(flowing(gate))
        streams = await open_streams(gateway.url, [STREAM] * STREAMS, has(BEFORE[-1]))
        gate.open()
        await streams[0].until(has(AFTER[0]))

        pid = gateway.pids()["worker-1"]
        doomed = accepted_by(pid, streams)
        spared = [stream for stream in streams if stream not in doomed]
        assert doomed
        assert spared
        seen = [1.0]

        async def scrape() -> None:
            seen.append(requests_total(await gateway.ascrape()))

        ended = asyncio.Event()
        scraping = asyncio.create_task(repeat(scrape, ended))
        killed_at = time.monotonic()
        psutil.Process(pid).kill()
        successor = await until_back(gateway, "worker-1", pid)
        await until_it_serves(gateway, successor)
        assert time.monotonic() - killed_at < BACK_WITHIN_S

        for stream in doomed:
            assert (await stream.done()).lost
            assert DONE_EVENT not in stream.answer.events()
        for stream in spared:
            assert (await stream.done()).complete
            assert stream.answer.pieces() == [*BEFORE, *AFTER]
            assert stream.answer.events()[-1] == DONE_EVENT
        ended.set()
        await scraping

        provider.reset()
        connections = [await Connection.connect(gateway.url) for _ in range(20)]
        for connection in connections:
            assert (await connection.call(PLAIN)).status == 200
        for connection in [*connections, *streams]:
            connection.close()

        # The dead worker never settled what it had: 1 before, those of the other, 20 after.
        exact = 1 + len(spared) + len(connections)
        found = await gateway.until_metric(lambda scrape: requests_total(scrape) >= exact)
        assert requests_total(found) == exact
        assert found.value("fastgate_requests_in_flight") == 0
        assert found.value("fastgate_open_streams") == 0
        assert found.value("fastgate_worker_restarts_total") == 1
        assert found.value("fastgate_worker_restarts_total", process="worker-1") == 1
        assert seen == sorted(seen)
        assert len(seen) > 2
        status = await gateway.astatus()
        assert status["in_flight"] == 0
        assert [d["in_flight"] for d in status["deployments"]] == [0]


async def test_the_data_plane_serves_on_without_control(provider: FakeProvider, tmp_path: Path) -> None:
    gate = Gate()
    provider.script(reply(*chat_stream(BEFORE).steps[:3], Wait(gate), chunk(DONE), LAST_CHUNK), times=1)
    config = gateway_config({"fake": provider_config(provider.url)}, workers=2)
    with GatewayProcess(config, tmp_path) as gateway:
        (stream,) = await open_streams(gateway.url, [STREAM], has(BEFORE[0]))
        workers = {name: pid for name, pid in gateway.pids().items() if name != "control"}
        process = psutil.Process(gateway.pids()["control"])
        process.suspend()
        # It is there and says nothing, which is worse for who would ask it than being dead.
        connection = await Connection.connect(gateway.url)
        assert (await connection.call(PLAIN)).status == 200
        process.kill()
        assert (await connection.call(PLAIN)).status == 200
        gate.open()
        assert (await stream.done()).complete

        line = await gateway.log_line(message="process died; it is started again", child="control")
        assert line["exit"] == "signal SIGKILL"
        found = await gateway.until_metric(
            lambda scrape: scrape.value("fastgate_worker_restarts_total", process="control") == 1
        )
        assert found.value("fastgate_worker_restarts_total") == 1
        # It listens by then.
        await gateway.log_line(message="configuration is as it was", process="control")
        assert {name: pid for name, pid in gateway.pids().items() if name != "control"} == workers
        new = request(chat_body(model="gpt-new"))
        assert (await connection.call(new)).status == 404
        gateway.write_config(
            gateway_config({"fake": provider_config(provider.url, "gpt-4o", "gpt-new")}, workers=2)
        )
        assert (await gateway.areload())["ok"] is True
        assert (await connection.call(new)).status == 200
        for each in (connection, stream):
            each.close()


async def test_the_simulated_provider_comes_back(tmp_path: Path) -> None:
    with GatewayProcess(None, tmp_path, arguments=("--workers", "1")) as gateway:
        secret = next(line for line in gateway.child.stdout.seen if "Virtual key" in line).split()[2]
        connection = await Connection.connect(gateway.url)
        call = request(chat_body(model="fastgate-sim"), secret=secret)
        assert (await connection.call(call)).status == 200
        pid = gateway.kill("sim")
        # Connections wait in the listening socket, which the supervisor holds.
        assert (await connection.call(call)).status == 200
        assert await until_back(gateway, "sim", pid) != pid
        connection.close()


async def test_all_workers_at_once(provider: FakeProvider, tmp_path: Path) -> None:
    """Nobody is refused while there is no worker: who connects waits in the socket's queue."""
    config = gateway_config({"fake": provider_config(provider.url)}, workers=2)
    with GatewayProcess(config, tmp_path) as gateway:
        pids = gateway.pids()
        for name in ("worker-1", "worker-2"):
            psutil.Process(pids[name]).kill()
        killed_at = time.monotonic()
        connections = [await Connection.connect(gateway.url) for _ in range(20)]
        answers = await asyncio.gather(*(connection.call(PLAIN) for connection in connections))
        assert time.monotonic() - killed_at < BACK_WITHIN_S
        assert [answer.status for answer in answers] == [200] * 20
        for connection in connections:
            connection.close()
        found = await gateway.until_metric(lambda s: requests_total(s) == 20)
        assert found.value("fastgate_worker_restarts_total") == 2
        assert found.value("fastgate_requests_in_flight") == 0
