"""A connection found by its addresses, and what the kernel says of it."""

import socket
import struct
import time
from collections.abc import Iterator

import pytest

from fastgate.downstream import sockets

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Ours and the client's."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.create_server((request.param, 0), family=family) as listener, socket.socket(family) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname()[:2])
        ours, _ = listener.accept()
        with ours:
            yield ours, client


def written(address: tuple[str, int]) -> str:
    """As Rust's `SocketAddr` does."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def names(sock: socket.socket) -> tuple[str, str]:
    return written(sock.getsockname()), written(sock.getpeername())


def until_taken(sock: socket.socket, wanted: bool) -> None:
    deadline = time.monotonic() + 5
    while sockets.taken(sock) is not wanted:
        assert time.monotonic() < deadline


def test_a_connection_is_found(pair: Pair) -> None:
    ours, client = pair
    local, peer = names(ours)
    found = sockets.find(local, peer)
    assert found is not None
    with found:
        assert names(found) == (local, peer)
        assert found.fileno() != ours.fileno()
        found.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""


def test_one_that_is_not_there(pair: Pair) -> None:
    ours, _ = pair
    local, peer = names(ours)
    ours.close()
    assert sockets.find(local, peer) is None
    assert sockets.find(local, "127.0.0.1:1") is None


def test_what_the_peer_has_taken(pair: Pair) -> None:
    ours, client = pair
    assert sockets.taken(ours)
    ours.setblocking(False)
    sent = ours.send(bytes(1_000_000))
    assert not sockets.taken(ours)
    while sent:
        sent -= len(client.recv(65_536))
    until_taken(ours, True)


def test_a_peer_that_is_gone(pair: Pair) -> None:
    ours, client = pair
    ours.setblocking(False)
    ours.send(bytes(1_000_000))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    with pytest.raises(ConnectionError):
        until_taken(ours, True)
