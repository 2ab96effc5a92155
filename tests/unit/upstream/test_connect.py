import asyncio
import os
import socket
from collections.abc import Iterator

import pytest
from tests.support.byte_server import answering, byte_server, response
from tests.support.upstream_calls import counts, failure_of, fetch, origin_of, until

from fastgate import clock, tasks
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Network
from fastgate.upstream.client import Client, Origin
from fastgate.upstream.dns import Address
from fastgate.upstream.tcp import ATTEMPT_DELAY_S, open_socket


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port where connects hang: its queue is full, and nobody accepts."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    yield listener.getsockname()[1]
    for filler in fillers:
        filler.close()
    listener.close()


@pytest.fixture
def nobody() -> int:
    """A port where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def at(port: int) -> Address:
    return Address(socket.AF_INET, ("127.0.0.1", port))


async def test_refused(client: Client, nobody: int) -> None:
    error = await failure_of(client, Origin("http", "127.0.0.1", nobody, Network()))
    assert error.kind is FailureKind.CONNECT_REFUSED
    assert not error.reused
    assert str(nobody) not in error.message
    assert counts(client) == []


async def test_no_answer(client: Client, black_hole: int) -> None:
    before = clock.monotonic_ns()
    error = await failure_of(client, Origin("http", "127.0.0.1", black_hole, Network()), connect_s=0.1)
    assert error.kind is FailureKind.CONNECT_TIMEOUT
    assert 0.09e9 < clock.monotonic_ns() - before < 3e9
    assert counts(client) == []
    await until(lambda: not tasks.running())


async def test_the_next_address_is_tried_at_once_when_one_refuses(nobody: int) -> None:
    async with byte_server(answering(response())) as server:
        before = clock.monotonic_ns()
        sock = await open_socket((*[at(nobody)] * 4, at(server.port)))
        assert sock.getpeername()[1] == server.port
        assert clock.monotonic_ns() - before < 4 * ATTEMPT_DELAY_S * 0.9e9
        sock.close()


async def test_the_next_address_is_tried_beside_one_that_hangs(black_hole: int) -> None:
    async with byte_server(answering(response())) as server:
        before = clock.monotonic_ns()
        sock = await open_socket((at(black_hole), at(server.port)))
        assert sock.getpeername()[1] == server.port
        assert ATTEMPT_DELAY_S * 0.9e9 < clock.monotonic_ns() - before < 5e9
        sock.close()
        await until(lambda: not tasks.running())


async def test_an_address_of_a_family_that_is_missing_is_passed_over() -> None:
    async with byte_server(answering(response())) as server:
        unreachable = Address(socket.AF_INET6, ("::1", 9, 0, 0))
        sock = await open_socket((unreachable, at(server.port)))
        assert sock.family == socket.AF_INET
        sock.close()


async def test_all_refuse(nobody: int) -> None:
    with pytest.raises(UpstreamError) as caught:
        await open_socket((at(nobody), at(nobody), at(nobody)))
    assert caught.value.kind is FailureKind.CONNECT_REFUSED


async def test_cancelled_while_several_are_tried(black_hole: int) -> None:
    task = asyncio.create_task(open_socket((at(black_hole), at(black_hole))))
    await until(lambda: len(tasks.running()) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not tasks.running())


async def test_cancelled_just_when_it_is_connected() -> None:
    """The socket that nobody gets is closed: an open one would warn when it is collected."""
    async with byte_server(answering(response())) as server:
        task = asyncio.create_task(open_socket((at(server.port),)))
        await asyncio.sleep(0)
        (attempt,) = tasks.running()
        attempt.add_done_callback(lambda _: task.cancel())
        with pytest.raises(asyncio.CancelledError):
            await task
        assert attempt.result().fileno() == -1


async def test_localhost_whatever_its_family(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        assert (await fetch(client, origin_of(server, host="localhost"))).body == b"ok"


async def test_options_of_the_socket(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        origin = origin_of(server)
        await fetch(client, origin)
        connection = client.pool(origin).take()
        assert connection is not None
        assert connection.transport is not None
        fd = os.dup(connection.transport.get_extra_info("socket").fileno())
        with socket.socket(fileno=fd) as sock:
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        connection.close()
