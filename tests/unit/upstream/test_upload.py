"""Large request bodies: bounded buffers, early answers, stalled receivers."""

import asyncio
import contextlib
import random

import pytest
from tests.support.byte_server import Peer, byte_server, response
from tests.support.memory import peak_of_allocations
from tests.support.upstream_calls import counts, failure_of, fetch, kind_of, origin_of, post, until

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Timeouts
from fastgate.upstream.client import Client
from fastgate.upstream.connection import JOIN_LIMIT, WRITE_SLICE
from fastgate.wire.pieces import Pieces


@pytest.mark.parametrize(
    "size", [0, 1, JOIN_LIMIT - 1, JOIN_LIMIT, WRITE_SLICE, WRITE_SLICE + 1, 5 * WRITE_SLICE + 7, 8_000_000]
)
async def test_bodies_of_all_sizes_arrive_whole(client: Client, size: int) -> None:
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(response())

    async with byte_server(script) as server:
        for _ in range(2):
            call = await fetch(client, origin_of(server), body)
            assert call.sent
        assert [request.body for request in server.requests] == [body, body]
        assert len(server.peers) == 1


def in_pieces(body: bytes) -> Pieces:
    """Of all kinds: of bytes, of a view, empty, tiny, and larger than one write."""
    view = memoryview(body)
    return Pieces(body[:3], b"", view[3:10], view[10 : 2 * WRITE_SLICE + 5], view[2 * WRITE_SLICE + 5 :])


@pytest.mark.parametrize("size", [0, 9, JOIN_LIMIT, WRITE_SLICE + 1, 8_000_000])
async def test_a_body_in_pieces_arrives_whole(client: Client, size: int) -> None:
    body = random.Random(size).randbytes(size)

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(response())

    async with byte_server(script) as server:
        for _ in range(2):
            assert (await fetch(client, origin_of(server), in_pieces(body))).sent
        assert [request.body for request in server.requests] == [body, body]
        assert len(server.peers) == 1


async def test_pieces_are_sent_again_where_the_pooled_connection_was_dead(client: Client) -> None:
    body = bytes(JOIN_LIMIT) + b"end"

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response())
        if len(server.peers) == 1:
            await peer.reader.readexactly(100)
            peer.reset()

    async with byte_server(script) as server:
        for _ in range(2):
            assert (await fetch(client, origin_of(server), in_pieces(body))).sent
        assert [request.body for request in server.requests] == [body, body]
        assert len(server.peers) == 2


async def test_pieces_are_not_copied(client: Client) -> None:
    body = bytes(8_000_000)

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        left = len(body) + 4
        while left:
            left -= len(await peer.reader.read(left))
        await peer.send(response())

    async with byte_server(script) as server:
        with peak_of_allocations() as peak:
            assert (await fetch(client, origin_of(server), Pieces(b"head", memoryview(body)))).sent
    assert peak() < len(body) / 2


async def test_no_more_is_buffered_than_the_receiver_takes(client: Client) -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await go.wait()
        await peer.request()
        await peer.send(response())

    async with byte_server(script) as server:
        call = client.call(origin_of(server), Timeouts(), stream=False)
        task = asyncio.create_task(call.send(*post(origin_of(server), bytes(30_000_000))))
        await until(lambda: call.sent_ns)
        await asyncio.sleep(0.05)
        assert not call.sent
        connection = call._connection
        assert connection is not None
        assert connection.transport is not None
        assert connection.transport.get_write_buffer_size() <= 2 * WRITE_SLICE
        go.set()
        await task
        call.release()
        assert call.sent


@pytest.mark.parametrize("status", [b"413 Too Large", b"401 Unauthorized", b"429 Too Many"])
@pytest.mark.parametrize("lingering", [False, True])
async def test_an_answer_that_comes_early_is_read(client: Client, status: bytes, lingering: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(response(b"no", status=status))
        if lingering:
            await peer.client_left()

    async with byte_server(script) as server:
        for _ in range(10):
            call = await fetch(client, origin_of(server), bytes(30_000_000))
            assert (call.status, call.body) == (int(status[:3]), b"no")
            assert not call.sent
            # The rest of the body was not sent: the connection is of no use.
            assert counts(client) == []


async def test_after_an_early_refusal_no_more_is_sent(client: Client) -> None:
    received = 0

    async def script(peer: Peer) -> None:
        nonlocal received
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                while data := await peer.reader.read(65536):
                    received += len(data)
        await peer.send(b"no")
        await peer.client_left()

    async with byte_server(script) as server:
        call = client.call(origin_of(server), Timeouts(), stream=False)
        await call.send(*post(origin_of(server), bytes(60_000_000)))
        assert (call.status, call.body) == (413, b""), "a refusal does not wait for its body"
        assert await call.read_all(100) == b"no"
        call.release()
        assert received < 30_000_000


async def test_an_early_success_does_not_stop_the_request(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        await peer.reader.readexactly(8_000_000)
        await peer.send(b"ok")
        await peer.client_left()

    async with byte_server(script) as server:
        call = await fetch(client, origin_of(server), bytes(8_000_000))
        assert (call.body, call.sent) == (b"ok", True)
        assert counts(client) == [(1, 1, 0)]


async def test_a_receiver_that_stalls_runs_into_the_headers_timer(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await forever.wait()

    forever = asyncio.Event()
    async with byte_server(script) as server:
        error = await failure_of(client, origin_of(server), bytes(30_000_000), headers_s=0.1)
        assert error.kind is FailureKind.HEADERS_TIMEOUT
        assert counts(client) == []


async def test_a_slow_upload_does_not(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        for _ in range(20):
            await peer.reader.readexactly(1_000_000)
            await asyncio.sleep(0.03)
        await peer.send(response())
        await peer.client_left()

    async with byte_server(script) as server:
        assert (await fetch(client, origin_of(server), bytes(20_000_000), headers_s=0.4)).body == b"ok"


@pytest.mark.parametrize("reset", [False, True])
async def test_a_receiver_that_leaves(client: Client, reset: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readexactly(100_000)
        if reset:
            peer.reset()

    async with byte_server(script) as server:
        assert (
            await kind_of(client, origin_of(server), bytes(30_000_000)) is FailureKind.RESET_BEFORE_RESPONSE
        )
        assert counts(client) == []


async def test_a_half_closed_receiver_is_not_waited_for(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await stuck.wait()
        peer.half_close()
        await forever.wait()

    stuck, forever = asyncio.Event(), asyncio.Event()
    async with byte_server(script) as server:
        call = client.call(origin_of(server), Timeouts(), stream=False)
        task = asyncio.create_task(call.send(*post(origin_of(server), bytes(30_000_000))))
        await until(lambda: call.sent_ns)
        await asyncio.sleep(0.1)
        stuck.set()
        connection = call._connection
        assert connection is not None
        with pytest.raises(UpstreamError) as caught:
            await task
        call.release()
        assert caught.value.kind is FailureKind.RESET_BEFORE_RESPONSE
        # The socket too, though there is data that the peer does not take.
        await until(lambda: connection.transport is None)
