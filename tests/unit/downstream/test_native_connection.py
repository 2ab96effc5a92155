"""The states of a connection, on a transport that only records and a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest

from fastgate import clock, tasks
from fastgate.downstream.interface import Downstream
from fastgate.downstream.native.connection import DISCARD_LIMIT, PIPELINE_LIMIT, READ_AHEAD, Connection
from fastgate.downstream.native.server import CLOSE_S, FLUSH_S, LINGER_S, NativeServer
from fastgate.errors import ClientDisconnected, GatewayError

HEAD_TIMEOUT_S = 30.0
KEEP_ALIVE_S = 75.0
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"


class FakeTransport(asyncio.Transport):
    """What is written is there; `lost` is for the test to call."""

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__()
        self.written = b""
        self.calls: list[str] = []
        self.tls = tls

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def can_write_eof(self) -> bool:
        return not self.tls

    def write_eof(self) -> None:
        self.calls.append("write_eof")

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")


class Rig:
    def __init__(self, *, tls: bool = False, backpressure: int = 100) -> None:
        self.now_ns = 1_000_000_000
        self.serving: list[Downstream] = []
        self.go_on = asyncio.Event()
        self.server = NativeServer(
            self._handle,
            -1,
            backlog=1,
            backpressure=backpressure,
            keep_alive_s=KEEP_ALIVE_S,
            head_timeout_s=HEAD_TIMEOUT_S,
            tls=None,
        )
        clock.install(lambda: self.now_ns, lambda: self.now_ns)
        self.look()
        self.answer = self.respond
        self.transport = FakeTransport(tls=tls)
        self.connection = Connection(self.server)
        self.connection.connection_made(self.transport)

    async def _handle(self, downstream: Downstream) -> None:
        self.serving.append(downstream)
        if downstream.refused is not None:
            await downstream.respond(downstream.refused.status, [], b"")
            return
        await self.answer(downstream)

    async def respond(self, downstream: Downstream) -> None:
        await downstream.respond(200, [], b"ok")

    async def waits(self, downstream: Downstream) -> None:
        await self.go_on.wait()
        await downstream.respond(200, [], b"ok")

    def look(self) -> None:
        self.close()
        self.server._look(asyncio.get_running_loop())

    def close(self) -> None:
        if self.server._timer is not None:
            self.server._timer.cancel()

    def later(self, seconds: float) -> None:
        """So much later the server looks after its connections."""
        self.now_ns += int(seconds * 1e9)
        self.look()

    async def receives(self, *pieces: bytes) -> bytes:
        """What is written when these have come."""
        for piece in pieces:
            self.connection.data_received(piece)
        return await self.settled()

    async def settled(self) -> bytes:
        for _ in range(20):
            await asyncio.sleep(0)
        written, self.transport.written = self.transport.written, b""
        return written

    def lost(self) -> None:
        self.connection.connection_lost(None)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    made.close()
    made.lost()
    made.go_on.set()
    await made.settled()
    assert not made.server.connections
    assert made.server.serving == 0
    assert made.server.free == 100
    assert not tasks.running()


@pytest.fixture(autouse=True)
def _real_clock() -> Iterator[None]:
    yield
    clock.reset()


# --- times -----------------------------------------------------------------------------------------


async def test_a_silent_connection_ends(rig: Rig) -> None:
    rig.later(HEAD_TIMEOUT_S)
    assert rig.transport.calls == []
    rig.later(1)
    assert rig.transport.calls == ["abort"]


async def test_half_a_head_is_told_that_it_is_late(rig: Rig) -> None:
    await rig.receives(GET[:5])
    rig.later(HEAD_TIMEOUT_S / 2)
    await rig.receives(GET[5:9])  # gains no time
    rig.later(HEAD_TIMEOUT_S / 2 + 1)
    written = await rig.settled()
    assert written.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nconnection: close\r\n" in written
    assert rig.transport.calls == ["write_eof"]


async def test_what_is_answered_has_no_limit_and_what_is_idle_has(rig: Rig) -> None:
    rig.answer = rig.waits
    await rig.receives(GET)
    rig.later(10_000)
    rig.go_on.set()
    assert (await rig.settled()).endswith(b"ok")
    rig.later(KEEP_ALIVE_S)
    assert rig.transport.calls == []
    rig.later(1)
    assert rig.transport.calls == ["abort"]


async def test_a_next_head_has_its_own_time(rig: Rig) -> None:
    await rig.receives(GET)
    rig.later(KEEP_ALIVE_S - 1)
    await rig.receives(GET[:5])
    rig.later(HEAD_TIMEOUT_S - 1)
    assert (await rig.receives(GET[5:])).startswith(b"HTTP/1.1 200 ")


# --- the end ---------------------------------------------------------------------------------------


async def test_what_comes_after_the_last_answer_is_thrown_away(rig: Rig) -> None:
    written = await rig.receives(POST)  # its body is not waited for
    assert b"\r\nconnection: close\r\n" in written
    assert rig.transport.calls == ["write_eof"]
    await rig.receives(b"abc", GET, bytes(DISCARD_LIMIT - 100))
    assert len(rig.serving) == 1
    assert rig.transport.calls == ["write_eof"]
    await rig.receives(bytes(101))
    assert rig.transport.calls == ["write_eof", "abort"]


async def test_a_client_that_stays_after_the_last_answer(rig: Rig) -> None:
    await rig.receives(POST)
    rig.later(CLOSE_S + 1)
    assert rig.transport.calls == ["write_eof", "abort"]


async def test_a_client_that_does_not_take_the_last_answer(rig: Rig) -> None:
    async def answers(downstream: Downstream) -> None:
        await downstream.respond(200, [], b"ok")
        rig.connection.pause_writing()

    rig.answer = answers
    await rig.receives(POST)
    assert rig.transport.calls == []
    rig.later(FLUSH_S + 1)
    assert rig.transport.calls == ["abort"]


async def test_a_broken_answer_is_not_flushed_for_ever(rig: Rig) -> None:
    async def breaks(downstream: Downstream) -> None:
        await downstream.start(200, [])

    rig.answer = breaks
    await rig.receives(GET)
    assert rig.transport.calls == ["close"]
    rig.later(FLUSH_S + 1)
    assert rig.transport.calls == ["close", "abort"]


async def test_no_answer_at_all_resets(rig: Rig) -> None:
    async def nothing(downstream: Downstream) -> None:
        """Returns without an answer."""

    rig.answer = nothing
    await rig.receives(GET)
    assert rig.transport.calls == ["abort"]


@pytest.mark.parametrize(("data", "calls"), [(POST, []), (GET.replace(b"1.1", b"1.0"), ["close"])])
async def test_tls_cannot_close_one_side(data: bytes, calls: list[str]) -> None:
    """While its client sends, to close would take the answer with it."""
    rig = Rig(tls=True)
    assert (await rig.receives(data)).endswith(b"ok")
    assert rig.transport.calls == calls
    assert rig.connection.eof_received() is False
    rig.lost()
    rig.close()


async def test_requests_that_came_before_a_half_close_are_answered(rig: Rig) -> None:
    rig.connection.data_received(GET * 3)
    assert rig.connection.eof_received() is True
    written = await rig.settled()
    assert written.count(b"HTTP/1.1 200 ") == 3
    assert written.count(b"connection: close") == 1
    assert rig.transport.calls == ["close"]


# --- reading ---------------------------------------------------------------------------------------


async def test_reading_pauses_while_requests_wait(rig: Rig) -> None:
    rig.answer = rig.waits
    await rig.receives(GET)
    await rig.receives(GET * PIPELINE_LIMIT)
    assert rig.transport.calls == []
    await rig.receives(GET)
    assert rig.transport.calls == ["pause"]
    rig.go_on.set()
    assert (await rig.settled()).count(b"HTTP/1.1 200 ") == PIPELINE_LIMIT + 2
    assert rig.transport.calls == ["pause", "resume"]


async def test_reading_pauses_until_the_body_is_asked_for(rig: Rig) -> None:
    body = bytes(READ_AHEAD + 2)

    async def reads(downstream: Downstream) -> None:
        await rig.go_on.wait()
        assert await downstream.body(len(body), 1.0) == body
        await downstream.respond(200, [], b"ok")

    rig.answer = reads
    head = POST.replace(b"3", b"%d" % len(body))
    await rig.receives(head, body[:-1])
    await rig.receives(b"")
    assert rig.transport.calls == ["pause"]
    rig.go_on.set()
    await rig.settled()
    assert rig.transport.calls == ["pause", "resume"]
    assert (await rig.receives(body[-1:])).endswith(b"ok")


async def test_100_continue_once(rig: Rig) -> None:
    async def reads(downstream: Downstream) -> None:
        await downstream.respond(200, [], await downstream.body(10, 1.0))

    rig.answer = reads
    asks = POST.replace(b"Host", b"Expect: 100-Continue\r\nHost")
    assert await rig.receives(asks) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert (await rig.receives(b"abc")).startswith(b"HTTP/1.1 200 ")
    assert (await rig.receives(asks + b"abc")).startswith(b"HTTP/1.1 200 ")


async def test_a_body_is_interrupted(rig: Rig) -> None:
    seen: list[object] = []

    async def reads(downstream: Downstream) -> None:
        try:
            await downstream.body(10, 1.0)
        except GatewayError as error:
            seen.append((error.code, downstream.bytes_in))
            await downstream.respond(error.status, [], b"")

    rig.answer = reads
    await rig.receives(POST, b"ab")
    rig.serving[0].interrupt(GatewayError("draining", "now"))
    assert (await rig.settled()).startswith(b"HTTP/1.1 503 ")
    assert seen == [("draining", 2)]


# --- writing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("early", [False, True], ids=["while it waits", "before it waits"])
async def test_what_waits_for_the_client_is_cut_off(rig: Rig, early: bool) -> None:
    seen: list[str] = []

    async def writes(downstream: Downstream) -> None:
        await downstream.start(200, [])
        rig.connection.pause_writing()
        if early:
            downstream.cut_off()
        with suppress(ClientDisconnected):
            await downstream.write(b"x")
            seen.append("written")
        seen.append("left")

    rig.answer = writes
    await rig.receives(GET)
    if not early:
        assert seen == []
        rig.serving[0].cut_off()
        await rig.settled()
    assert seen == ["left"]


async def test_writing_goes_on_when_the_client_reads(rig: Rig) -> None:
    async def writes(downstream: Downstream) -> None:
        await downstream.start(200, [])
        rig.connection.pause_writing()
        await downstream.write(b"x")
        await downstream.write(b"y")
        await downstream.finish()

    rig.answer = writes
    assert b"y" not in (await rig.receives(GET)).partition(b"\r\n\r\n")[2]
    rig.connection.resume_writing()
    assert await rig.settled() == b"1\r\ny\r\n0\r\n\r\n"


async def test_who_watches_hears_once_and_nothing_is_written(rig: Rig) -> None:
    seen: list[str] = []

    async def watches(downstream: Downstream) -> None:
        downstream.watch(lambda: seen.append("left"))
        await rig.go_on.wait()
        with pytest.raises(ClientDisconnected):
            await downstream.respond(200, [], b"ok")

    rig.answer = watches
    await rig.receives(GET)
    rig.connection.eof_received()
    rig.lost()
    rig.go_on.set()
    assert await rig.settled() == b""
    assert seen == ["left"]


@pytest.mark.parametrize("target", [b"http://[", b"http://[::1/a", b"*", b"http://a"])
async def test_no_target_is_an_accident(rig: Rig, target: bytes) -> None:
    method = b"OPTIONS" if target == b"*" else b"GET"
    assert (await rig.receives(GET.replace(b"GET /", method + b" " + target))).startswith(b"HTTP/1.1 200 ")
    assert rig.serving[0].path == {b"*": "*", b"http://[::1/a": "/a"}.get(target, "/")


async def test_a_header_that_ends_like_connection_close_is_not_it(rig: Rig) -> None:
    async def answers(downstream: Downstream) -> None:
        await downstream.respond(200, [(b"x-connection", b"close")], b"")

    rig.answer = answers
    await rig.receives(GET)
    assert (await rig.receives(GET)).startswith(b"HTTP/1.1 200 ")


# --- the end of the server -------------------------------------------------------------------------


def stop(rig: Rig) -> None:
    rig.server.retired = rig.server.draining = True
    rig.connection.drain()


async def test_an_idle_connection_ends_with_the_server(rig: Rig) -> None:
    stop(rig)
    assert rig.transport.calls == ["close"]


async def test_one_that_was_kept_alive_too(rig: Rig) -> None:
    await rig.receives(GET)
    stop(rig)
    await rig.settled()
    assert rig.transport.calls == ["close"]


@pytest.mark.parametrize("before", [b"", GET])
async def test_half_a_head_is_waited_for(rig: Rig, before: bytes) -> None:
    await rig.receives(before + GET[:5])
    stop(rig)
    assert rig.server.serving == 1
    written = await rig.receives(GET[5:])
    assert b"\r\nconnection: close\r\n" in written
    assert rig.transport.calls == ["write_eof"]


async def test_when_a_successor_serves_what_is_idle_ends_soon(rig: Rig) -> None:
    await rig.receives(GET)
    rig.server.retire()
    rig.later(LINGER_S - 1)
    assert rig.transport.calls == []
    rig.later(2)
    assert rig.transport.calls == ["abort"]


async def test_when_a_successor_serves_the_last_answer_is_given_its_time(rig: Rig) -> None:
    """To a client that takes it slowly."""

    async def answers(downstream: Downstream) -> None:
        await downstream.respond(200, [], b"ok")
        rig.connection.pause_writing()

    rig.answer = answers
    await rig.receives(POST)
    rig.server.retire()
    rig.later(FLUSH_S - 1)
    assert rig.transport.calls == []
    rig.later(2)
    assert rig.transport.calls == ["abort"]


async def test_half_a_head_is_not_waited_for_long(rig: Rig) -> None:
    await rig.receives(GET[:5])
    stop(rig)
    await rig.settled()
    rig.later(CLOSE_S + 1)
    assert (await rig.settled()).startswith(b"HTTP/1.1 408 ")
    assert rig.server.serving == 0


async def test_a_request_counts_from_the_moment_it_came(rig: Rig) -> None:
    rig.connection.data_received(GET)
    assert rig.server.serving == 1


async def test_a_connection_that_comes_too_late(rig: Rig) -> None:
    rig.server.draining = True
    late, transport = Connection(rig.server), FakeTransport()
    late.connection_made(transport)
    assert transport.calls == ["close"]
    late.connection_lost(None)


async def test_requests_beyond_the_limit_wait_for_their_turn() -> None:
    rig = Rig(backpressure=1)
    rig.answer = rig.waits
    other, transport = Connection(rig.server), FakeTransport()
    other.connection_made(transport)
    await rig.receives(GET)
    other.data_received(GET)
    await rig.settled()
    assert len(rig.serving) == 1
    rig.go_on.set()
    await rig.settled()
    assert transport.written.endswith(b"ok")
    assert rig.server.free == 1
    for connection in (other, rig.connection):
        connection.connection_lost(None)
    rig.close()
    await rig.settled()
