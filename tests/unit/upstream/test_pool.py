import asyncio
import ssl
from functools import partial
from typing import Any

import pytest
import trustme
from tests.support.byte_server import ByteServer, Peer, answering, byte_server, response
from tests.support.upstream_calls import counts, failure_of, fetch, kind_of, origin_of, post, until

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Timeouts
from fastgate.upstream.client import Call, Client


class Gate:
    """A script that answers each request when the test lets it."""

    def __init__(self) -> None:
        self.arrived = asyncio.Semaphore(0)
        self.answers = asyncio.Semaphore(0)

    async def __call__(self, peer: Peer) -> None:
        while True:
            await peer.request()
            self.arrived.release()
            await self.answers.acquire()
            await peer.send(response(b"%d" % peer.number))


async def start(client: Client, server: ByteServer, n: int, **network: Any) -> list[asyncio.Task[Call]]:
    calls = [asyncio.create_task(fetch(client, origin_of(server, **network))) for _ in range(n)]
    await asyncio.sleep(0)
    return calls


async def test_connections_are_reused(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        reused = [(await fetch(client, origin_of(server))).reused for _ in range(3)]
        assert reused == [False, True, True]
        assert len(server.peers) == 1


async def test_the_last_used_is_reused_first(client: Client) -> None:
    gate = Gate()
    async with byte_server(gate) as server:
        calls = await start(client, server, 3)
        for _ in calls:
            await gate.arrived.acquire()
        for _ in calls:
            gate.answers.release()
        last = (await asyncio.gather(*calls))[-1]
        assert counts(client) == [(3, 3, 0)]
        gate.answers.release()
        gate.answers.release()
        bodies = {(await fetch(client, origin_of(server))).body for _ in range(2)}
        assert len(bodies) == 1
        assert last is not None


async def test_origins_do_not_share(client: Client) -> None:
    async with byte_server(answering(response())) as one, byte_server(answering(response())) as two:
        await fetch(client, origin_of(one))
        await fetch(client, origin_of(two))
        await fetch(client, origin_of(one, server_hostname="other"))
        assert counts(client) == [(1, 1, 0)] * 3


async def test_a_response_that_says_close_is_the_last(client: Client) -> None:
    async with byte_server(answering(response(b"bye", b"Connection: close"))) as server:
        for _ in range(2):
            assert not (await fetch(client, origin_of(server))).reused
            assert counts(client) == []


async def test_waiters_are_served_in_order(client: Client) -> None:
    gate = Gate()
    async with byte_server(gate) as server:
        calls = await start(client, server, 5, max_connections=2)
        order: list[int] = []
        for n, call in enumerate(calls):
            call.add_done_callback(partial(lambda n, _: order.append(n), n))
        await gate.arrived.acquire()
        await gate.arrived.acquire()
        assert counts(client) == [(2, 0, 3)]
        for left in (2, 1, 0):
            gate.answers.release()
            await gate.arrived.acquire()
            assert counts(client) == [(2, 0, left)]
        gate.answers.release()
        gate.answers.release()
        await asyncio.gather(*calls)
        assert sorted(order[:2]) == [0, 1] or order[0] in {0, 1}
        assert order.index(2) < order.index(4)
        assert counts(client) == [(2, 2, 0)]
        assert len(server.peers) == 2


async def test_waiting_has_its_own_timer(client: Client) -> None:
    gate = Gate()
    async with byte_server(gate) as server:
        (first,) = await start(client, server, 1, max_connections=1, pool_wait_s=0.05)
        await gate.arrived.acquire()
        error = await failure_of(client, origin_of(server, max_connections=1, pool_wait_s=0.05))
        assert error.kind is FailureKind.POOL_TIMEOUT
        assert counts(client) == [(1, 0, 0)]
        gate.answers.release()
        await first


async def test_a_lost_connection_makes_room_for_who_waits_longest(client: Client) -> None:
    asked = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 0:
            await asked.wait()
            peer.reset()
        else:
            await peer.send(response(b"%d" % peer.number, b"Connection: close"))

    async with byte_server(script) as server:
        first, second, third = await start(client, server, 3, max_connections=1)
        await until(lambda: counts(client) == [(1, 0, 2)])
        asked.set()
        with pytest.raises(UpstreamError):
            await first
        assert [(await second).body, (await third).body] == [b"1", b"2"]
        assert counts(client) == []


async def test_a_failed_connect_makes_room_for_who_waits(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        origin = origin_of(server, max_connections=1)
    kinds = await asyncio.gather(*(kind_of(client, origin) for _ in range(4)))
    assert set(kinds) == {FailureKind.CONNECT_REFUSED}
    assert counts(client) == []


async def test_idle_connections_expire(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        await fetch(client, origin_of(server, idle_expiry_s=0.05))
        assert counts(client) == [(1, 1, 0)]
        await until(lambda: counts(client) == [])
        await server.peers[0].gone.wait()


async def test_a_busy_connection_does_not_expire(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        origin = origin_of(server, idle_expiry_s=0.4)
        for _ in range(15):
            await fetch(client, origin)
            await asyncio.sleep(0.04)
        assert len(server.peers) == 1


async def test_no_more_than_max_idle_connections_are_kept(client: Client) -> None:
    gate = Gate()
    async with byte_server(gate) as server:
        calls = await start(client, server, 5, max_idle_connections=2)
        for _ in calls:
            await gate.arrived.acquire()
        for _ in calls:
            gate.answers.release()
        await asyncio.gather(*calls)
        assert counts(client) == [(2, 2, 0)]


async def test_none_is_kept_if_none_may_be_idle(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        await fetch(client, origin_of(server, max_idle_connections=0))
        assert counts(client) == []


@pytest.mark.parametrize("reset", [False, True])
async def test_an_idle_connection_that_the_provider_closes_is_dropped(client: Client, reset: bool) -> None:
    close = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response())
        await close.wait()
        if reset:
            peer.reset()

    async with byte_server(script) as server:
        await fetch(client, origin_of(server))
        assert counts(client) == [(1, 1, 0)]
        close.set()
        await until(lambda: counts(client) == [])
        assert not (await fetch(client, origin_of(server))).reused


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_reused_connection_that_fails_before_any_byte_is_replaced_once(
    client: Client, stream: bool, reset: bool
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(b"%d" % peer.number))
        if peer.number < 2:
            await peer.request()
            if reset:
                peer.reset()
        else:
            await peer.client_left()

    async with byte_server(script) as server:
        # Two connections that are both about to die: the retry must not take the other one.
        await asyncio.gather(*(fetch(client, origin_of(server)) for _ in range(2)))
        assert counts(client) == [(2, 2, 0)]
        call = client.call(origin_of(server), Timeouts(), stream=stream)
        await call.send(*post(origin_of(server)))
        body = await call.read_all(10) if stream else call.body
        call.release()
        assert body == b"2"
        assert not call.reused
        assert len(server.requests) == 4
        assert counts(client) == [(2, 2, 0)]


async def test_it_is_replaced_no_more_than_once(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 0:
            await peer.send(response())
            await peer.request()

    async with byte_server(script) as server:
        await fetch(client, origin_of(server))
        error = await failure_of(client, origin_of(server))
        assert error.kind is FailureKind.RESET_BEFORE_RESPONSE
        assert not error.reused
        assert len(server.requests) == 3


async def test_it_is_not_replaced_after_a_byte_came_back(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response())
        await peer.request()
        await peer.send(b"H", 0.02)

    async with byte_server(script) as server:
        await fetch(client, origin_of(server))
        error = await failure_of(client, origin_of(server))
        assert error.kind is FailureKind.RESET_BEFORE_RESPONSE
        assert error.reused
        assert len(server.requests) == 2


async def test_a_replacement_is_fresh_even_if_it_has_to_wait(client: Client) -> None:
    """The waiting call gets the slot of the dead connection; its own connection then makes way, before
    anyone else's turn."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(b"%d" % peer.number))
        await peer.request()
        if peer.number == 0:
            await until(lambda: counts(client) == [(1, 0, 2)])
        else:
            await peer.send(response(b"%d" % peer.number))
            await peer.client_left()

    async with byte_server(script) as server:
        origin = origin_of(server, max_connections=1)
        assert (await fetch(client, origin)).body == b"0"
        stale, waiting, last = await asyncio.gather(*(fetch(client, origin) for _ in range(3)))
        assert (stale.body, waiting.body, last.body) == (b"2", b"1", b"2")
        assert (stale.reused, last.reused) == (False, True)
        assert counts(client) == [(1, 1, 0)]


@pytest.mark.parametrize("secure", [False, True])
async def test_a_connection_that_is_lost_while_it_is_handed_over_is_replaced(
    client: Client, ca: trustme.CA, secure: bool
) -> None:
    """With TLS the response and the end of the stream arrive in one turn of the loop, so the waiting
    call comes to run only when the connection that it got is already closed."""
    go = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number == 0:
            await go.wait()
            peer.writer.write(response(b"0"))
            peer.close()
        else:
            await peer.send(response(b"1"))
            await peer.client_left()

    context = None
    if secure:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("127.0.0.1").configure_cert(context)
    async with byte_server(script, context) as server:
        origin = origin_of(server, "https" if secure else "http", verify_tls=False, max_connections=1)
        first = asyncio.create_task(fetch(client, origin, headers_s=5))
        second = asyncio.create_task(fetch(client, origin, headers_s=5))
        await until(lambda: counts(client) == [(1, 0, 1)] and server.requests)
        go.set()
        assert [(await first).body, (await second).body] == [b"0", b"1"]
        assert counts(client) == [(1, 1, 0)]


async def test_a_waiter_that_was_cancelled_just_now_is_passed_over(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        pool = client.pool(origin_of(server, max_connections=1))
        first, gone, second = (pool.request(5, fresh=False) for _ in range(3))
        await first.future
        assert first.connection is not None
        gone.future.cancel()
        pool.put(first.connection)
        assert second.connection is first.connection
        pool.abandon(gone)
        pool.abandon(second)
        assert counts(client) == [(1, 1, 0)]


async def test_a_fresh_connection_takes_the_place_of_an_idle_one(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        origin = origin_of(server, max_connections=1)
        await fetch(client, origin)
        pool = client.pool(origin)
        ticket = pool.request(5, fresh=True)
        await ticket.future
        assert client.pool(origin) is pool
        assert counts(client) == [(1, 0, 0)]
        pool.abandon(ticket)
        assert counts(client) == [(1, 1, 0)]
        assert len(server.peers) == 2


async def test_closing_the_client_fails_what_is_in_flight(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.client_left()

    async with byte_server(script) as server:
        origin = origin_of(server, max_connections=2)
        calls = [asyncio.create_task(kind_of(client, origin)) for _ in range(3)]
        await until(lambda: len(server.requests) == 2)
        await client.aclose()
        assert await asyncio.gather(*calls) == [FailureKind.CANCELLED] * 3
        assert counts(client) == []
        for peer in server.peers:
            await peer.gone.wait()
