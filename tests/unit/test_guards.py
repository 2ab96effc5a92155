"""The guards of conftest.py guard: no network, nothing that blocks, the loop of production."""

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop
from blockbuster import BlockingError
from tests.conftest import FakeClock

import fastgate
from fastgate import clock

ELSEWHERE = "192.0.2.1"  # TEST-NET-1, RFC 5737


def test_python_sockets_reach_loopback_only() -> None:
    """pytest-socket warns before it raises, and warnings are errors."""
    with socket.socket() as sock, pytest.raises(UserWarning, match="A test tried to use socket"):
        sock.connect((ELSEWHERE, 80))


async def test_uvloop_reaches_loopback_only() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, uvloop.Loop)
    with pytest.raises(RuntimeError, match="loopback only"):
        await loop.create_connection(asyncio.Protocol, ELSEWHERE, 80)
    with pytest.raises(RuntimeError, match="loopback only"):
        await loop.getaddrinfo("example.com", 80)
    with socket.socket() as sock:
        sock.setblocking(False)
        with pytest.raises(RuntimeError, match="loopback only"):
            await loop.sock_connect(sock, (ELSEWHERE, 80))


async def test_a_blocking_call_of_ours_is_found() -> None:
    namespace: dict[str, Callable[[], None]] = {}
    source = "import time\ndef doze():\n    time.sleep(0.001)\n"
    exec(compile(source, fastgate.__file__, "exec"), namespace)
    with pytest.raises(BlockingError, match="sleep"):
        namespace["doze"]()


def test_the_fake_clock_moves_only_when_told(fake_clock: FakeClock) -> None:
    before = clock.monotonic_ns(), clock.time_ns()
    assert (clock.monotonic_ns(), clock.time_ns()) == before
    fake_clock.advance(1.5)
    assert (clock.monotonic_ns() - before[0], clock.time_ns() - before[1]) == (1_500_000_000,) * 2
