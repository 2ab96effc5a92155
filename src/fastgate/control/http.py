"""HTTP on the control socket, for the user that runs the gateway and for its workers: one request a
connection, answered in JSON. A server of its own would take several MiB for that."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import httptools
import msgspec

from fastgate import tasks
from fastgate.store.ledger.errors import LedgerError

REQUEST_S: Final = 5.0
"""The time in which a request has to be there."""
MAX_REQUEST: Final = 64 * 1024
BACKLOG: Final = 128

Answerer = Callable[[Mapping[str, str]], Awaitable[object]]
"""From the fields of the query to what is answered as JSON. LedgerError."""


class Route(NamedTuple):
    method: str
    answer: Answerer


class ControlServer:
    """Serves `routes`, by path, from `start` to `stop`."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes = routes
        self._answering: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """The listening socket is the server's from now on."""
        self._server = await asyncio.start_unix_server(self._connected, sock=listener, backlog=BACKLOG)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = tasks.spawn(_serve(reader, writer, self._routes), "control request")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def stop(self, wait_s: float) -> None:
        """Take no further connection, and wait so long for what is being answered."""
        if self._server is not None:
            self._server.close()
        if self._answering:
            await asyncio.wait(self._answering, timeout=wait_s)


class _Request:
    """What httptools tells of a request; nothing here takes a body."""

    def __init__(self) -> None:
        self.target = b""
        self.complete = False

    def on_url(self, piece: bytes) -> None:
        self.target += piece

    def on_message_complete(self) -> None:
        self.complete = True


async def _serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, routes: Mapping[str, Route]
) -> None:
    try:
        # Whoever is gone, or says nothing, needs no answer.
        with suppress(OSError, TimeoutError):
            try:
                method, target = await _read(reader)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade):
                writer.write(_answer(HTTPStatus.BAD_REQUEST, b'{"error":"not a request"}'))
            else:
                writer.write(await _answered(method, target, routes))
            await writer.drain()
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> tuple[str, str]:
    """OSError, TimeoutError; HttpParserError, HttpParserUpgrade."""
    request = _Request()
    parser = httptools.HttpRequestParser(request)
    left = MAX_REQUEST
    async with asyncio.timeout(REQUEST_S):
        while not request.complete:
            data = await reader.read(left)
            if not data:
                raise ConnectionResetError("the request broke off, or is too long")
            left -= len(data)
            parser.feed_data(data)
    return parser.get_method().decode("ascii"), request.target.decode("latin-1")


async def _answered(method: str, target: str, routes: Mapping[str, Route]) -> bytes:
    path, _, query = target.partition("?")
    route = routes.get(path)
    if route is None:
        return _answer(HTTPStatus.NOT_FOUND, b'{"error":"there is no such path"}')
    if method != route.method:
        allow = f"allow: {route.method}\r\n"
        return _answer(HTTPStatus.METHOD_NOT_ALLOWED, b'{"error":"another method"}', allow)
    try:
        answer = await route.answer(dict(parse_qsl(query)))
    except LedgerError:
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, b'{"error":"the ledger is away"}')
    return _answer(HTTPStatus.OK, msgspec.json.encode(answer))


def _answer(status: HTTPStatus, body: bytes, header: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n{header}\r\n"
    )
    return head.encode("ascii") + body
