"""Streamed calls: chunks as they come, backpressure, and every way they can end."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.byte_server import ByteServer, Peer, answering, byte_server, chunk, chunked_head, response
from tests.support.upstream_calls import counts, origin_of, post, until

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Timeouts
from fastgate.upstream.call import READ_AHEAD
from fastgate.upstream.client import Call, Client


@asynccontextmanager
async def streaming(client: Client, server: ByteServer, **timeouts: float) -> AsyncIterator[Call]:
    call = client.call(origin_of(server), Timeouts(**timeouts), stream=True)
    try:
        await call.send(*post(origin_of(server)))
        yield call
    finally:
        call.release()


async def test_chunks_are_read_as_they_come(client: Client) -> None:
    read_one = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head(), chunk(b"one"))
        await read_one.wait()
        await peer.send(chunk(b"two") + chunk(b"three"), chunk(b""))
        await peer.client_left()

    async with byte_server(script) as server, streaming(client, server) as call:
        assert (call.status, call.body) == (200, b"")
        assert await call.read() == b"one"
        read_one.set()
        assert await call.read() == b"twothree"
        assert await call.read() == b""
        assert await call.read() == b""
        assert counts(client) == [(1, 1, 0)]


async def test_the_connection_is_reused_before_the_reader_is_done(client: Client) -> None:
    async with byte_server(answering(chunked_head() + chunk(b"abc") + chunk(b""))) as server:
        async with streaming(client, server) as first, streaming(client, server) as second:
            assert await first.read() == b"abc"
            assert await second.read() == b"abc"
            assert second.reused
        assert len(server.peers) == 1


async def test_read_all(client: Client) -> None:
    async with byte_server(answering(response(b"an error", status=b"500 Oops"))) as server:
        async with streaming(client, server) as call:
            assert call.status == 500
            assert await call.read_all(8) == b"an error"
        async with streaming(client, server) as call:
            with pytest.raises(UpstreamError) as caught:
                await call.read_all(7)
            assert caught.value.kind is FailureKind.RESPONSE_TOO_LARGE


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        (b"gzip", gzip.compress(b"data: x\n\n" * 100_000)),
        (b"deflate", zlib.compress(b"data: x\n\n" * 100_000)),
    ],
)
async def test_a_compressed_stream_is_decoded_in_bounded_pieces(
    client: Client, coding: bytes, packed: bytes
) -> None:
    answer = (
        chunked_head(b"Content-Encoding: " + coding) + chunk(packed[:50]) + chunk(packed[50:]) + chunk(b"")
    )
    async with byte_server(answering(answer)) as server, streaming(client, server) as call:
        assert call.header(b"content-encoding") is None
        pieces = []
        while piece := await call.read():
            pieces.append(piece)
        assert b"".join(pieces) == b"data: x\n\n" * 100_000
        assert max(map(len, pieces)) <= READ_AHEAD
        assert len(pieces) > 3


async def test_a_compressed_stream_that_stops_within_is_an_error(client: Client) -> None:
    packed = gzip.compress(b"some text that matters")
    answer = response(packed[:-9], b"Content-Encoding: gzip")
    async with byte_server(answering(answer)) as server, streaming(client, server) as call:
        with pytest.raises(UpstreamError, match="truncated") as caught:
            await call.read_all(1000)
        assert caught.value.kind is FailureKind.PROTOCOL


@pytest.mark.parametrize("reset", [False, True])
async def test_what_came_before_a_failure_is_read_first(client: Client, reset: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head(), chunk(b"part"), 0.02)
        if reset:
            peer.reset()

    async with byte_server(script) as server, streaming(client, server) as call:
        await until(lambda: not counts(client))
        assert await call.read() == b"part"
        for _ in range(2):
            with pytest.raises(UpstreamError) as caught:
                await call.read()
            assert caught.value.kind is FailureKind.RESET_MID_BODY


async def test_invalid_framing_within_the_stream(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head(), chunk(b"part"), 0.01, b"no chunk\r\n")
        await peer.client_left()

    async with byte_server(script) as server, streaming(client, server) as call:
        assert await call.read() == b"part"
        with pytest.raises(UpstreamError) as caught:
            await call.read()
        assert caught.value.kind is FailureKind.PROTOCOL
        await server.peers[0].gone.wait()


async def test_a_slow_reader_stops_the_sender(client: Client) -> None:
    sent = 0
    piece = chunk(b"x" * 65_536)

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(chunked_head())
        while True:
            await peer.send(piece)
            sent += 1

    async with byte_server(script) as server, streaming(client, server) as call:
        stalled_at = -1
        while stalled_at != sent:
            stalled_at = sent
            await asyncio.sleep(0.1)
        assert len(await call.read()) < 3 * READ_AHEAD
        total = 0
        while total < stalled_at * 65_536:
            total += len(await call.read())
        assert sent > stalled_at


async def test_releasing_a_stream_in_the_middle_closes_it(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head(), chunk(b"part"))
        await peer.client_left()

    async with byte_server(script) as server:
        async with streaming(client, server) as call:
            assert await call.read() == b"part"
            call.release()
            call.release()
        await server.peers[0].gone.wait()
        assert counts(client) == []


@pytest.mark.parametrize("unread", [False, True])
async def test_abort_ends_a_pending_read_at_once(client: Client, unread: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(chunked_head() + chunk(b"part"))
        await peer.client_left()

    async with byte_server(script) as server, streaming(client, server) as call:
        if not unread:
            assert await call.read() == b"part"
        error = UpstreamError(FailureKind.CANCELLED, "the client left")
        asyncio.get_running_loop().call_later(0 if unread else 0.02, call.abort, error)
        asyncio.get_running_loop().call_later(
            0 if unread else 0.02, call.abort, UpstreamError(FailureKind.DEADLINE, "late")
        )
        await asyncio.sleep(0.01)
        for _ in range(2):
            with pytest.raises(UpstreamError) as caught:
                await call.read()
            assert caught.value is error
        await server.peers[0].gone.wait()
        assert counts(client) == []


async def test_abort_after_the_end_takes_the_unread_rest_away(client: Client) -> None:
    async with byte_server(answering(response(b"unread"))) as server, streaming(client, server) as call:
        await until(lambda: counts(client) == [(1, 1, 0)])
        call.abort(UpstreamError(FailureKind.DEADLINE, "late"))
        with pytest.raises(UpstreamError) as caught:
            await call.read()
        assert caught.value.kind is FailureKind.DEADLINE
        assert counts(client) == [(1, 1, 0)]
