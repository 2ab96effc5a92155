"""What `Downstream` promises of clients that leave or do not read, and `edges.Server` of its end."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
from tests.support.edge_server import BODY_LIMIT, BODY_TIMEOUT_S, echo, edge_server
from tests.support.memory import MIB
from tests.support.raw_client import RawClient, exchange, raw_client, request
from tests.support.upstream_calls import until

from fastgate.downstream.interface import Downstream
from fastgate.errors import ClientDisconnected
from fastgate.launch import Edge

TEXT = (b"content-type", b"text/plain")


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("leave", [RawClient.close, RawClient.reset, RawClient.half_close])
async def test_watching(edge: Edge, leave: Callable[[RawClient], None], begun: bool) -> None:
    seen: list[str] = []

    async def handler(downstream: Downstream) -> None:
        await downstream.body(BODY_LIMIT, BODY_TIMEOUT_S)
        if begun:
            await downstream.start(200, [TEXT])
            await downstream.write(b"part")
        left = asyncio.Event()
        downstream.watch(left.set)
        downstream.watch(lambda: seen.append("twice"))
        seen.append("watching")
        await left.wait()
        assert downstream.disconnected
        for call in (downstream.write(b"x"), downstream.finish(), downstream.respond(200, [], b"")):
            with pytest.raises(ClientDisconnected):
                await call
        downstream.unwatch()
        seen.append("left")

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        await client.send(request(b"{}"))
        await until(lambda: bool(seen))
        leave(client)
        await until(lambda: len(seen) > 1)
    assert seen == ["watching", "left"]


async def test_not_watching_any_more(edge: Edge) -> None:
    seen: list[str] = []
    done = asyncio.Event()

    async def handler(downstream: Downstream) -> None:
        await downstream.body(BODY_LIMIT, BODY_TIMEOUT_S)
        downstream.watch(lambda: seen.append("left"))
        downstream.unwatch()
        downstream.unwatch()
        await downstream.respond(200, [], b"ok")
        await done.wait()

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        await client.send(request(b"{}"))
        assert (await client.response()).body == b"ok"
        client.close()
        assert (await exchange_with_echo(edge)) == b"later"  # by then it would have been told
        done.set()
    assert seen == []


async def exchange_with_echo(edge: Edge) -> bytes:
    async with edge_server(edge, echo) as server:
        return (await exchange(server.url, request(b"later"))).body


async def test_the_client_stays_after_a_watch(edge: Edge) -> None:
    """One that was watched is served on, on the same connection."""
    seen: list[str] = []

    async def handler(downstream: Downstream) -> None:
        body = await downstream.body(BODY_LIMIT, BODY_TIMEOUT_S)
        downstream.watch(lambda: seen.append("left"))
        await asyncio.sleep(0.01)
        downstream.unwatch()
        await downstream.respond(200, [], body)

    async with edge_server(edge, handler) as server, raw_client(server.url) as client:
        for number in range(3):
            body = b"%d" % number
            await client.send(request(body))
            assert (await client.response()).body == body
    assert seen == []


async def floods(downstream: Downstream, written: list[int]) -> None:
    await downstream.body(BODY_LIMIT, BODY_TIMEOUT_S)
    await downstream.start(200, [TEXT])
    downstream.watch(lambda: None)  # granian's ASGI does not say so where one writes
    written.append(0)
    with suppress(ClientDisconnected):
        while True:
            await downstream.write(bytes(64 * 1024))
            written[0] += 64 * 1024
            await asyncio.sleep(0)
    downstream.unwatch()
    written.append(-1)


async def standstill(written: list[int]) -> int:
    """How much was written when nothing more is for a while."""
    await until(lambda: bool(written))
    last = -1
    while written[0] != last:
        last = written[0]
        assert last < 32 * MIB, "nothing holds it back"
        await asyncio.sleep(0.3)
    return last


async def test_a_client_that_does_not_read_holds_back_who_writes(edge: Edge) -> None:
    written: list[int] = []

    async def handler(downstream: Downstream) -> None:
        await floods(downstream, written)

    async with edge_server(edge, handler) as server, raw_client(server.url, receive_buffer=4096) as client:
        await client.send(request())
        last = await standstill(written)
        while written[0] == last:
            await client.exactly(64 * 1024)
        client.reset()
        await until(lambda: len(written) == 2)


async def test_what_waits_for_a_client_is_cut_off(edge: Edge) -> None:
    written: list[int] = []
    serving: list[Downstream] = []

    async def handler(downstream: Downstream) -> None:
        serving.append(downstream)
        await floods(downstream, written)

    async with edge_server(edge, handler) as server, raw_client(server.url, receive_buffer=4096) as client:
        await client.send(request())
        await standstill(written)
        serving[0].cut_off()
        await until(lambda: len(written) == 2)
        client.close()


# --- the server ---------------------------------------------------------------------------------


async def test_stopping_lets_what_is_open_finish(edge: Edge) -> None:
    go_on = asyncio.Event()

    async def handler(downstream: Downstream) -> None:
        await downstream.start(200, [TEXT])
        await downstream.write(b"first")
        await go_on.wait()
        await downstream.write(b"last")
        await downstream.finish()

    async with (
        edge_server(edge, handler) as server,
        raw_client(server.url) as client,
        raw_client(server.url) as idle,
    ):
        await client.send(request())
        await client.response_head()
        assert await anext(client.chunks()) == b"first"
        server.server.stop()
        assert await idle.rest() == b""
        with pytest.raises(OSError, match="111"):
            await RawClient.connect(server.url)
        assert not server.serving.done()
        go_on.set()
        assert [piece async for piece in client.chunks()] == [b"last"]
        await server.stopped()


async def test_requests_beyond_the_limit_wait(edge: Edge) -> None:
    go_on = asyncio.Event()
    inside: list[int] = []

    async def handler(downstream: Downstream) -> None:
        inside.append(1)
        await go_on.wait()
        await downstream.respond(200, [], b"")

    async with edge_server(edge, handler, backpressure=2) as server:
        calls = [asyncio.ensure_future(exchange(server.url, request())) for _ in range(6)]
        await until(lambda: len(inside) == 2)
        await asyncio.sleep(0.1)
        assert len(inside) == 2
        go_on.set()
        assert [response.status for response in await asyncio.gather(*calls)] == [200] * 6
