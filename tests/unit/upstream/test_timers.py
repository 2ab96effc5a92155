"""Each timer fires, says which it was, and closes the connection; none fires on a healthy call."""

import asyncio

import pytest
from tests.support.byte_server import Peer, answering, byte_server, chunk, chunked_head, response
from tests.support.upstream_calls import counts, failure_of, fetch, origin_of, post

from fastgate import clock
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Timeouts
from fastgate.upstream.call import READ_AHEAD
from fastgate.upstream.client import Call, Client


async def failure_of_stream(call: Call, head: bytes, content_after: int = 0) -> UpstreamError:
    """`content_after`: how many reads come before the first content."""
    try:
        await call.send(head, b"")
        while await call.read():
            content_after -= 1
            if content_after == 0:
                call.content_started()
    except UpstreamError as error:
        return error
    finally:
        call.release()
    raise AssertionError("no failure")


async def test_headers(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        # Interim responses and a part of the head are no sign of life.
        for _ in range(100):
            await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n", 0.01)
        await peer.client_left()

    async with byte_server(script) as server:
        before = clock.monotonic_ns()
        error = await failure_of(client, origin_of(server), headers_s=0.1)
        assert error.kind is FailureKind.HEADERS_TIMEOUT
        assert 0.09e9 < clock.monotonic_ns() - before < 0.5e9
        await server.peers[0].gone.wait()
        assert counts(client) == []


async def test_headers_on_a_reused_connection_are_not_waited_for_twice(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response())
        await peer.client_left()

    async with byte_server(script) as server:
        await fetch(client, origin_of(server))
        error = await failure_of(client, origin_of(server), headers_s=0.05)
        assert error.kind is FailureKind.HEADERS_TIMEOUT
        assert error.reused
        assert len(server.peers) == 1


async def test_first_content_counts_from_the_request_whatever_else_arrives(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head())
        for _ in range(50):
            await peer.send(chunk(b": ping\n\n"), 0.01)
        await peer.client_left()

    async with byte_server(script) as server:
        call = client.call(origin_of(server), Timeouts(first_content_s=0.1), stream=True)
        error = await failure_of_stream(call, post(origin_of(server))[0])
        assert clock.monotonic_ns() - call.sent_ns < 0.9e9
        assert error.kind is FailureKind.FIRST_CONTENT_TIMEOUT
        await server.peers[0].gone.wait()
        assert counts(client) == []


async def test_silence_between_chunks_counts_from_the_last_one(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head())
        for _ in range(30):
            await peer.send(chunk(b"x"), 0.02)
        await peer.client_left()

    async with byte_server(script) as server:
        call = client.call(origin_of(server), Timeouts(first_content_s=30, between_chunks_s=0.4), stream=True)
        error = await failure_of_stream(call, post(origin_of(server))[0], content_after=1)
        assert error.kind is FailureKind.BETWEEN_CHUNKS_TIMEOUT
        assert call.bytes_in == len(chunked_head()) + 30 * len(chunk(b"x"))
        assert 0.9e9 < clock.monotonic_ns() - call.headers_ns < 5e9
        assert counts(client) == []


async def test_a_response_that_stalls_when_not_streamed(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
        await peer.client_left()

    async with byte_server(script) as server:
        error = await failure_of(client, origin_of(server), between_chunks_s=0.05)
        assert error.kind is FailureKind.BETWEEN_CHUNKS_TIMEOUT
        assert counts(client) == []


async def test_our_own_slow_reading_is_not_the_providers_silence(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head())
        for _ in range(100):
            await peer.send(chunk(b"x" * 65_536))
        await peer.send(chunk(b""))
        await peer.client_left()

    async with byte_server(script) as server:
        call = client.call(origin_of(server), Timeouts(between_chunks_s=0.3), stream=True)
        await call.send(*post(origin_of(server)))
        call.content_started()
        await asyncio.sleep(0.7)
        assert len(await call.read_all(10_000_000)) == 100 * 65_536
        call.release()


async def test_the_providers_silence_counts_again_from_when_we_read_on(client: Client) -> None:
    read_on = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head() + chunk(b"x" * (READ_AHEAD + 1)))
        await read_on.wait()
        await peer.send(0.25, chunk(b"y") + chunk(b""))
        await peer.client_left()

    async with byte_server(script) as server:
        call = client.call(origin_of(server), Timeouts(between_chunks_s=0.4), stream=True)
        await call.send(*post(origin_of(server)))
        call.content_started()
        await asyncio.sleep(1)
        read_on.set()
        assert await call.read_all(READ_AHEAD + 2) == b"x" * (READ_AHEAD + 1) + b"y"
        call.release()


async def test_no_timer_ends_a_long_healthy_stream(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head())
        for _ in range(30):
            await peer.send(chunk(b"x"), 0.02)
        await peer.send(chunk(b""))
        await peer.client_left()

    timeouts = Timeouts(connect_s=0.4, headers_s=0.4, first_content_s=0.4, between_chunks_s=0.4)
    async with byte_server(script) as server:
        call = client.call(origin_of(server), timeouts, stream=True)
        await call.send(*post(origin_of(server)))
        body = b""
        while data := await call.read():
            call.content_started()
            body += data
        call.release()
        assert body == b"x" * 30


async def test_an_idle_connection_has_no_timer_of_its_last_call(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        await fetch(client, origin_of(server), headers_s=0.3, between_chunks_s=0.3)
        await asyncio.sleep(0.4)
        assert counts(client) == [(1, 1, 0)]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_timer_for_headers_stops_with_the_call(client: Client, stream: bool) -> None:
    async with byte_server(answering(response())) as server:
        call = client.call(origin_of(server), Timeouts(headers_s=0.3), stream=stream)
        await call.send(*post(origin_of(server)))
        await asyncio.sleep(0.4)
        assert (await call.read_all(100) if stream else call.body) == b"ok"
        call.release()
