"""The orderly end under load: nothing new is taken, what is open finishes, and who outlasts it is told."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from tests.support.builders import DONE, LAST_CHUNK, chunk
from tests.support.draining import until_refused
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import GatewayProcess, gateway_config, provider_config
from tests.support.load import Answer, Connection, open_streams
from tests.support.processes import in_thread
from tests.support.raw_client import chat_body, raw_client, request
from tests.support.replies import Gate, Wait, chat_reply, endless_stream, reply, stream_then

from fastgate.launch import Edge

STREAMS = 20
PLAIN = request(chat_body())
SLOW = request(chat_body(model="slow"))
STREAM = request(chat_body(stream=True))
SOON_S = 4.0
"""An end that waits for nothing, on a machine that has other things to do."""


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def config(provider: FakeProvider, drain_s: float, workers: int = 2, **server: Any) -> dict[str, Any]:
    settings = gateway_config({"fake": provider_config(provider.url, "gpt-4o", "slow")})
    return {**settings, "server": {"workers": workers, "drain_s": drain_s, **server}}


def held(provider: FakeProvider) -> Gate:
    """Streams stop after their first piece, and answers of `slow` do not begin, until the gate is open."""
    gate = Gate()
    provider.script(stream_then(["first"], Wait(gate), chunk(DONE), LAST_CHUNK), model="gpt-4o")
    provider.script(reply(Wait(gate)) + chat_reply(), model="slow")
    return gate


def first_piece(answer: Answer) -> bool:
    return b"first" in answer.body


def error_of(data: bytes | str) -> dict[str, Any]:
    error: dict[str, Any] = msgspec.json.decode(data)["error"]
    return error


async def begin(gateway: GatewayProcess, provider: FakeProvider) -> tuple[list[Connection], Connection]:
    """Streams that are open, and a plain request that the provider has."""
    streams = await open_streams(gateway.url, [STREAM] * STREAMS, first_piece)
    slow = await Connection.connect(gateway.url)
    slow.send(SLOW)
    await provider.until(lambda: any(request.model == "slow" for request in provider.requests))
    return streams, slow


async def test_what_is_open_finishes_and_nothing_begins(
    provider: FakeProvider, tmp_path: Path, edge: Edge
) -> None:
    with GatewayProcess(config(provider, 30), tmp_path, edge=edge) as gateway:
        idle = await Connection.connect(gateway.url)
        assert (await idle.call(PLAIN)).complete
        gate = held(provider)
        streams, slow = await begin(gateway, provider)
        tree = gateway.child.descendants()

        gateway.terminate()
        await in_thread(lambda: until_refused(gateway.url))
        # A client that keeps a connection sees it closed, or is told.
        answer = await idle.call(PLAIN)
        assert answer.lost or (answer.status, answer.headers["connection"]) == (503, "close")
        assert not any(stream.answer.ended for stream in (*streams, slow))

        gate.open()
        opened_at = time.monotonic()
        for stream in streams:
            assert (await stream.done()).complete
            assert stream.answer.pieces() == ["first"]
            assert stream.answer.events()[-1] == "[DONE]"
        assert (await slow.done()).status == 200
        assert slow.answer.headers["connection"] == "close"
        assert await gateway.await_exit() == 0
        assert time.monotonic() - opened_at < SOON_S
        assert psutil.wait_procs(tree, timeout=1)[1] == []
    lines = gateway.log_lines(message="exchange")
    assert [line["finish"] for line in lines] == ["complete"] * (1 + STREAMS + 1)
    assert gateway.log_lines(level="error") == []


Ending = Callable[[GatewayProcess], None]


def _once(gateway: GatewayProcess) -> None:
    gateway.terminate()


def _twice(gateway: GatewayProcess) -> None:
    gateway.terminate()
    until_refused(gateway.url)
    gateway.terminate()


@pytest.mark.parametrize(("drain_s", "end"), [(0.2, _once), (60, _twice)], ids=["time is up", "told twice"])
async def test_what_does_not_finish_ends_in_an_error(
    provider: FakeProvider, tmp_path: Path, edge: Edge, drain_s: float, end: Ending
) -> None:
    """Not in silence, and not late; the end is an orderly one all the same."""
    with GatewayProcess(config(provider, drain_s), tmp_path, edge=edge) as gateway:
        held(provider)
        streams, slow = await begin(gateway, provider)
        uploading = await Connection.connect(gateway.url)
        uploading.send(PLAIN[:-1])
        await gateway.until_metric(lambda scrape: scrape.value("fastgate_requests_in_flight") == STREAMS + 2)
        ended_at = time.monotonic()
        await in_thread(lambda: end(gateway))

        for stream in streams:
            answer = await stream.done()
            assert answer.complete
            assert answer.pieces() == ["first"]
            error = error_of(answer.events()[-1])
            assert error["code"] == "draining"
            assert "shutting down" in error["message"]
        for connection in (slow, uploading):
            answer = await connection.done()
            assert answer.status == 503
            assert answer.headers["connection"] == "close"
            assert error_of(bytes(answer.body))["code"] == "draining"
            connection.close()
        assert await gateway.await_exit() == 0
        assert time.monotonic() - ended_at < drain_s % 60 + SOON_S

    lines = gateway.log_lines(message="exchange")
    assert len(lines) == STREAMS + 2
    assert {line["code"] for line in lines} == {"draining"}
    assert sorted(line["finish"] for line in lines) == ["cut"] * STREAMS + ["error"] * 2
    assert gateway.log_lines(message="requests cut off at the end of the drain")
    assert gateway.log_lines(level="error") == []


async def test_a_client_that_does_not_read_cannot_hold_up_the_end(
    provider: FakeProvider, tmp_path: Path, edge: Edge
) -> None:
    provider.script(endless_stream())
    with GatewayProcess(config(provider, 0.2, workers=1), tmp_path, edge=edge) as gateway:
        async with raw_client(gateway.url, receive_buffer=4096) as client:
            await client.send(STREAM)
            await provider.until(lambda: any(connection.blocked for connection in provider.connections))
            gateway.terminate()
            assert await gateway.await_exit() == 0
    (line,) = gateway.log_lines(message="exchange")
    assert (line["client"], line["finish"]) == ("disconnected", "cancelled")
    assert gateway.log_lines(level="error") == []


async def test_a_worker_that_is_told_on_its_own_is_replaced(
    provider: FakeProvider, tmp_path: Path, edge: Edge
) -> None:
    """As when somebody ends one process by its id: it drains, and another one takes its place."""
    with GatewayProcess(config(provider, 30, workers=1), tmp_path, edge=edge) as gateway:
        gate = held(provider)
        streams, slow = await begin(gateway, provider)
        idle = await Connection.connect(gateway.url)
        assert (await idle.call(request(method="GET", path="/health/ready"))).status == 200
        pid = gateway.pids()["worker-1"]
        psutil.Process(pid).terminate()
        await idle.closed()
        # Nobody else has the socket: this one waits in its queue until there is a successor.
        late = asyncio.ensure_future(Connection.connect(gateway.url))
        gate.open()
        for stream in streams:
            assert (await stream.done()).events()[-1] == "[DONE]"
        assert (await slow.done()).status == 200
        connection = await late
        assert (await connection.call(SLOW)).status == 200
        assert gateway.pids()["worker-1"] not in {0, pid}
        connection.close()
