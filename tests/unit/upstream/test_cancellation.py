"""A call may be cancelled or aborted wherever it waits; nothing is left and the counts are right."""

import asyncio
import ssl
from collections.abc import Callable

import pytest
import trustme
from tests.support.byte_server import Peer, byte_server, chunk, chunked_head, response
from tests.support.upstream_calls import counts, fetch, origin_of, post, until

from fastgate import tasks
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Timeouts
from fastgate.upstream.client import Call, Client, Origin

End = Callable[["asyncio.Task[None]", Call], None]


def cancel(task: "asyncio.Task[None]", call: Call) -> None:
    task.cancel()


def abort(task: "asyncio.Task[None]", call: Call) -> None:
    call.abort(UpstreamError(FailureKind.DEADLINE, "too late"))


def cancel_and_abort(task: "asyncio.Task[None]", call: Call) -> None:
    cancel(task, call)
    abort(task, call)


def abort_and_cancel(task: "asyncio.Task[None]", call: Call) -> None:
    abort(task, call)
    cancel(task, call)


ENDS = pytest.mark.parametrize("end", [cancel, abort, cancel_and_abort, abort_and_cancel])


async def use(call: Call, origin: Origin, body: bytes) -> None:
    try:
        await call.send(*post(origin, body))
        while await call.read():
            pass
    finally:
        call.release()


def start(
    client: Client, origin: Origin, body: bytes = b"", stream: bool = True
) -> tuple["asyncio.Task[None]", Call]:
    call = client.call(origin, Timeouts(), stream=stream)
    return asyncio.create_task(use(call, origin, body)), call


async def ended(task: "asyncio.Task[None]") -> None:
    with pytest.raises((asyncio.CancelledError, UpstreamError)):
        await task


@ENDS
async def test_before_it_begins(client: Client, end: End) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.client_left()

    async with byte_server(script) as server:
        task, call = start(client, origin_of(server))
        end(task, call)
        await ended(task)
        await until(lambda: not tasks.running())
        assert counts(client) == []


@ENDS
@pytest.mark.parametrize("steps", range(1, 12))
@pytest.mark.parametrize("secure", [False, True])
async def test_while_connecting(client: Client, end: End, steps: int, secure: bool, ca: trustme.CA) -> None:
    """After any number of turns of the loop: in the look-up, TCP, TLS, or when the request is out."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.client_left()

    context = None
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1").configure_cert(context)
    async with byte_server(script, context) as server:
        origin = origin_of(server, "https" if secure else "http", verify_tls=False)
        task, call = start(client, origin)
        for _ in range(steps):
            await asyncio.sleep(0)
        end(task, call)
        await ended(task)
        await until(lambda: not tasks.running())
        # A connection that was ready just then is kept.
        assert counts(client) in ([], [(1, 1, 0)])
        await client.aclose()
        for peer in server.peers:
            await peer.gone.wait()


@ENDS
async def test_while_a_handshake_hangs(client: Client, end: End) -> None:
    async def script(peer: Peer) -> None:
        await peer.client_left()

    async with byte_server(script) as server:
        task, call = start(client, origin_of(server, "https", verify_tls=False))
        await until(lambda: server.peers)
        end(task, call)
        await ended(task)
        await until(lambda: not tasks.running())
        await server.peers[0].gone.wait()
        assert counts(client) == []


@ENDS
async def test_while_a_proxy_hangs(client: Client, end: End) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.client_left()

    async with byte_server(script) as server:
        origin, _ = Origin.parse("https://h.invalid", origin_of(server, proxy=server.url()).network)
        task, call = start(client, origin)
        await until(lambda: server.requests)
        end(task, call)
        await ended(task)
        await until(lambda: not tasks.running())
        await server.peers[0].gone.wait()
        assert counts(client) == []


@ENDS
async def test_while_waiting_for_a_connection(client: Client, end: End) -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await go.wait()
        await peer.send(response())
        await peer.client_left()

    async with byte_server(script) as server:
        origin = origin_of(server, max_connections=1)
        busy = asyncio.create_task(fetch(client, origin))
        await until(lambda: server.requests)
        task, call = start(client, origin)
        await until(lambda: counts(client) == [(1, 0, 1)])
        end(task, call)
        await ended(task)
        assert counts(client) == [(1, 0, 0)]
        go.set()
        await busy
        assert counts(client) == [(1, 1, 0)]


@ENDS
async def test_just_when_a_connection_is_handed_over(client: Client, end: End) -> None:
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await go.wait()
        await peer.send(response())
        await peer.client_left()

    async with byte_server(script) as server:
        origin = origin_of(server, max_connections=1)
        busy = asyncio.create_task(fetch(client, origin))
        await until(lambda: server.requests)
        task, call = start(client, origin)
        await until(lambda: counts(client) == [(1, 0, 1)])
        busy.add_done_callback(lambda _: end(task, call))
        go.set()
        await busy
        await ended(task)
        assert counts(client) in ([(1, 1, 0)], [])
        assert len(server.requests) <= 2


@ENDS
async def test_while_writing_a_large_body(client: Client, end: End) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)
        await blocked.wait()
        await peer.client_left()

    blocked = asyncio.Event()
    async with byte_server(script) as server:
        task, call = start(client, origin_of(server), bytes(50_000_000))
        await until(lambda: server.peers and call.sent_ns)
        await asyncio.sleep(0.02)
        assert not call.sent
        end(task, call)
        await ended(task)
        assert counts(client) == []
        blocked.set()
        await server.peers[0].gone.wait()


@ENDS
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", chunked_head(), chunked_head() + chunk(b"part")])
@pytest.mark.parametrize("stream", [False, True])
async def test_while_waiting_for_the_response(client: Client, end: End, answer: bytes, stream: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if answer:
            await peer.send(answer)
        await peer.client_left()

    async with byte_server(script) as server:
        task, call = start(client, origin_of(server), stream=stream)
        await until(lambda: server.requests and call.bytes_in == len(answer))
        end(task, call)
        await ended(task)
        assert counts(client) == []
        await server.peers[0].gone.wait()


@ENDS
async def test_while_replacing_a_stale_connection(client: Client, end: End) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 0:
            await peer.send(response())
            await peer.request()
        else:
            await peer.client_left()

    async with byte_server(script) as server:
        origin = origin_of(server)
        await fetch(client, origin)
        task, call = start(client, origin)
        await until(lambda: len(server.peers) == 2)
        end(task, call)
        await ended(task)
        await until(lambda: not tasks.running())
        assert counts(client) in ([], [(1, 1, 0)])
        await client.aclose()
        await server.peers[1].gone.wait()
