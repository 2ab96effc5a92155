"""What the gateway takes of memory: with 2,000 streams open, and after an hour's worth of requests."""

import itertools
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.builders import DONE, LAST_CHUNK, chat_chunk, chunk, sse, usage
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import GatewayProcess, gateway_config, provider_config
from tests.support.load import Answer, Hammer, open_streams
from tests.support.memory import MIB, rss, rss_together
from tests.support.raw_client import chat_body, request
from tests.support.replies import Gate, Wait, stream_then
from tests.support.sim_process import SimProcess

STREAMS = 2_000
TOGETHER_MIB = 150
REQUESTS = 200_000
WARM_UP = 20_000
GROWTH = 1.05
# Of the worker, over rounds of streams: heaps of three allocators are never packed again quite as tightly.
REUSE = 1.1
CLIENTS = 50
# A connection on both sides of the worker and of this process, and what either needs besides.
FILES = 2 * STREAMS + 500


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def many_files() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit < FILES:
        pytest.skip(f"{FILES} open files are needed, ulimit -n is {limit}")


def measure(gateway: GatewayProcess, when: str) -> tuple[float, float]:
    """MiB: the worker's RSS, and that of the whole gateway with shared pages counted once."""
    pids = {"supervisor": gateway.child.process.pid, **gateway.pids()}
    each = {name: rss(pid) / MIB for name, pid in pids.items()}
    together = rss_together(pids.values()) / MIB
    listed = ", ".join(f"{name} {size:.1f}" for name, size in each.items())
    print(f"{when}: {listed}; sum {sum(each.values()):.1f}, shared pages once {together:.1f} MiB")
    return each["worker-1"], together


def has_begun(answer: Answer) -> bool:
    return b"first" in answer.body


async def until_at_rest(gateway: GatewayProcess) -> None:
    await gateway.until_metric(lambda scrape: scrape.value("fastgate_requests_in_flight") == 0)


async def hold_streams(gateway: GatewayProcess, provider: FakeProvider) -> tuple[float, float]:
    """Open all streams, measure, and let them end well."""
    gate = Gate()
    # Of streams that say no usage tokens are counted, and the vocabulary for that takes memory once.
    used = chunk(sse(chat_chunk(None, usage=usage())))
    provider.script(stream_then(["first"], Wait(gate), used, chunk(DONE), LAST_CHUNK))
    streams = await open_streams(gateway.url, [request(chat_body(stream=True))] * STREAMS, has_begun)
    scrape = await gateway.ascrape()
    assert scrape.value("fastgate_open_streams") == STREAMS
    measured = measure(gateway, f"{STREAMS} open streams")
    gate.open()
    for stream in streams:
        assert (await stream.done()).events()[-1] == "[DONE]"
        stream.close()
    await until_at_rest(gateway)
    provider.reset()
    return measured


@pytest.mark.usefixtures("many_files")
async def test_two_thousand_open_streams(provider: FakeProvider, tmp_path: Path) -> None:
    config = gateway_config({"fake": provider_config(provider.url)}, logging={"file": "/dev/null"})
    with GatewayProcess(config, tmp_path) as gateway:
        measure(gateway, "at rest")
        _worker, together = await hold_streams(gateway, provider)
        assert together < TOGETHER_MIB


@pytest.mark.slow
@pytest.mark.usefixtures("many_files")
async def test_streams_take_the_room_of_those_before_them(provider: FakeProvider, tmp_path: Path) -> None:
    """Twice as many as are open at once have come and gone by then; by default the server's allocator
    would have taken a fifth more."""
    config = gateway_config({"fake": provider_config(provider.url)}, logging={"file": "/dev/null"})
    with GatewayProcess(config, tmp_path) as gateway:
        first, *_, last = [(await hold_streams(gateway, provider))[0] for _ in range(5)]
        assert last < first * REUSE


def an_hours_worth() -> Iterator[bytes]:
    """Mostly answers; streams, and errors of each kind. What a client may invent is new each time."""
    plain, stream = chat_body(model="m"), chat_body(model="m", stream=True)
    for number in range(REQUESTS // 20):
        mine = ("x-request-id", f"request-{number}")
        yield from [request(plain)] * 13
        yield from [request(stream)] * 2
        yield request(chat_body(model="m", user=f"user-{number}", metadata={"n": str(number)}), mine)
        yield request(plain, secret=f"sk-unknown-secret-{number:032d}")
        yield request(chat_body(model=f"unknown-{number}"))
        yield request(b'{"model": "m", "messages": ' + b"%d" % number)
        yield request(b"{}", path=f"/v1/unknown-{number}")


def judged(answer: Answer) -> str:
    return str(answer.status) if answer.complete else "lost"


@pytest.mark.slow
@pytest.mark.timeout(1_800)
async def test_an_hours_worth_of_requests(tmp_path: Path) -> None:
    with SimProcess("--tokens", "8", "--error-rate", "0.01") as sim:
        steady = {"retries": {"max": 1}, "breaker": {"min_requests": 1_000_000}}
        config = gateway_config(
            {"sim": provider_config(sim.base_url, "m", **steady)}, logging={"file": "/dev/null"}
        )
        with GatewayProcess(config, tmp_path) as gateway:
            requests = an_hours_worth()
            first = Hammer(gateway.url, itertools.islice(requests, WARM_UP), judged)
            await first.run(CLIENTS)
            await until_at_rest(gateway)
            worker, together = measure(gateway, f"after {WARM_UP} requests")
            rest = Hammer(gateway.url, requests, judged)
            await rest.run(CLIENTS)
            await until_at_rest(gateway)
            worker_then, together_then = measure(gateway, f"after {REQUESTS} requests")
            print(dict(rest.outcomes))
            assert rest.outcomes.total() == REQUESTS - WARM_UP
            assert {"200", "400", "401", "404"} <= set(rest.outcomes)
            assert rest.outcomes["lost"] == 0
            assert worker_then < worker * GROWTH
            assert together_then < together * GROWTH
