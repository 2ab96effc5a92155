"""The edge for granian's RSGI (https://github.com/emmett-framework/granian/blob/master/docs/spec/RSGI.md).

Two things are missing, and had of the kernel (`sockets`): granian keeps without a bound what a client does
not read; and it ends an answer that breaks off as if it were whole.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Final, Protocol

from granian._granian import RSGIProtocolClosed

from fastgate import tasks
from fastgate.downstream import sockets
from fastgate.downstream.interface import Handler, Header
from fastgate.downstream.reading import Reading
from fastgate.downstream.refusals import broken_chunks, too_large
from fastgate.errors import ClientDisconnected, GatewayError

HIGH_WATER: Final = 1024 * 1024
"""After so many bytes of an answer, what the client has not taken is looked at."""
FIRST_LOOK_S: Final = 0.001
LAST_LOOK_S: Final = 0.1


class Headers(Protocol):
    """By lower-case names. Values that are not visible ASCII are missing."""

    def get(self, name: str, /) -> str | None: ...
    def items(self) -> Sequence[tuple[str, str]]: ...
    def __contains__(self, name: object, /) -> bool: ...


class Scope(Protocol):
    """Each attribute is made anew at each look."""

    @property
    def proto(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query_string(self) -> str: ...
    @property
    def server(self) -> str: ...
    @property
    def client(self) -> str: ...
    @property
    def headers(self) -> Headers: ...


TextHeaders = list[tuple[str, str]]


class Stream(Protocol):
    def send_bytes(self, data: bytes) -> Awaitable[None]: ...


class HttpProtocol(Protocol):
    def __aiter__(self) -> "HttpProtocol": ...
    def __anext__(self) -> Awaitable[bytes]: ...
    def client_disconnect(self) -> Awaitable[None]: ...
    def response_empty(self, status: int, headers: TextHeaders) -> None: ...
    def response_bytes(self, status: int, headers: TextHeaders, body: bytes) -> None: ...
    def response_stream(self, status: int, headers: TextHeaders) -> Stream: ...


Application = Callable[[Scope, HttpProtocol], Awaitable[None]]

_NO_HEADERS: Final[Mapping[str, str]] = {}


class RsgiDownstream:
    """Implements `Downstream` on an HTTP scope."""

    refused = None

    __slots__ = (
        "_cut_off",
        "_headers",
        "_protocol",
        "_reading",
        "_scope",
        "_socket",
        "_stream",
        "_task",
        "_unlooked",
        "_watcher",
        "bytes_in",
        "bytes_out",
        "disconnected",
        "extra_headers",
        "method",
        "path",
        "query",
        "started",
    )

    def __init__(self, scope: Scope, protocol: HttpProtocol) -> None:
        self.method = scope.method
        self.path = scope.path
        self.query = scope.query_string.encode()
        self._headers: Headers | Mapping[str, str] = scope.headers
        self._scope = scope
        self._protocol = protocol
        self._task = asyncio.current_task()
        self._reading: Reading | None = None
        self._stream: Stream | None = None
        self._socket: socket.socket | None = None
        self._unlooked = 0
        self._cut_off = False
        self._watcher: asyncio.Task[None] | None = None
        self.started = False
        self.disconnected = False
        self.bytes_in = 0
        self.bytes_out = 0
        self.extra_headers: list[Header] = []

    def header(self, name: bytes) -> bytes | None:
        value = self._headers.get(name.decode())
        return None if value is None else value.encode()

    def select(self, names: frozenset[bytes]) -> Sequence[Header]:
        pairs = ((name.encode(), value) for name, value in self._headers.items())
        return [(name, value.encode()) for name, value in pairs if name in names]

    def drop_headers(self) -> None:
        self._headers = _NO_HEADERS

    async def body(self, limit: int, timeout_s: float) -> bytes:
        if "transfer-encoding" in self._headers:
            return await self._chunks(limit, timeout_s)
        # The server has checked it. Without it there is no body.
        size = int(self._headers.get("content-length") or 0)
        if size > limit:
            raise too_large(limit)
        if not size:
            return b""
        pieces = aiter(self._protocol)
        piece = await self._next(pieces, timeout_s)
        if len(piece) == size:
            return piece
        body = BytesIO()
        while piece:
            body.write(piece)
            if self.bytes_in == size:
                return body.getvalue()
            piece = await self._next(pieces, timeout_s)
        self.disconnected = True
        # A client that closed only its sending side reads on, and granian would tell it 500.
        self._protocol.response_empty(400, [("content-length", "0"), ("connection", "close")])
        raise ClientDisconnected

    async def _chunks(self, limit: int, timeout_s: float) -> bytes:
        # Not a list of pieces: a client that sends a byte a piece must not cost an object each.
        body = BytesIO()
        pieces = aiter(self._protocol)
        while piece := await self._next(pieces, timeout_s):
            body.write(piece)
            if self.bytes_in > limit:
                raise too_large(limit)
        # An empty piece is the end; or it stands for malformed chunks, or for trailers, and is not the last.
        try:
            _ = anext(pieces)  # raises at once, where it raises
        except StopAsyncIteration:
            return body.getvalue()
        raise broken_chunks()

    async def _next(self, pieces: HttpProtocol, timeout_s: float) -> bytes:
        reading = self._reading = Reading(self._task, timeout_s)
        try:
            piece = await anext(pieces)
        except asyncio.CancelledError:
            if (error := reading.ended_by()) is None:
                raise
            try:
                raise error from None
            finally:
                del error
        finally:
            self._reading = None
            reading.timer.cancel()
            # Its error's traceback has this frame; a cycle would keep the connection from being closed.
            del reading
        self.bytes_in += len(piece)
        return piece

    async def start(self, status: int, headers: list[Header]) -> None:
        if self.disconnected:
            raise ClientDisconnected
        self.started = True
        headers += self.extra_headers
        self._stream = self._protocol.response_stream(status, _texts(headers))

    async def write(self, chunk: bytes) -> None:
        stream = self._stream
        if self.disconnected or stream is None:
            raise ClientDisconnected
        try:
            await stream.send_bytes(chunk)
        except RSGIProtocolClosed:
            self.disconnected = True
            raise ClientDisconnected from None
        size = len(chunk)
        self.bytes_out += size
        self._unlooked += size
        if self._unlooked >= HIGH_WATER:
            await self._taken()

    async def _taken(self) -> None:
        """Wait until the client has taken all that was written."""
        self._unlooked = 0
        if self._socket is None:
            self._socket = sockets.find(self._scope.server, self._scope.client)
        pause = FIRST_LOOK_S
        try:
            while self._socket is not None and not sockets.taken(self._socket):
                await asyncio.sleep(pause)
                pause = min(2 * pause, LAST_LOOK_S)
                if self._cut_off or self.disconnected:
                    raise ConnectionAbortedError
        except ConnectionError:
            self.disconnected = True
            raise ClientDisconnected from None

    async def finish(self) -> None:
        if self.disconnected:
            raise ClientDisconnected
        self._release()

    async def respond(self, status: int, headers: list[Header], body: bytes) -> None:
        if self.disconnected:
            raise ClientDisconnected
        self.started = True
        headers += self.extra_headers
        headers.append((b"content-length", b"%d" % len(body)))
        if self.method == "HEAD":
            self._protocol.response_empty(status, _texts(headers))
            return
        self.bytes_out = len(body)
        self._protocol.response_bytes(status, _texts(headers), body)

    def interrupt(self, error: GatewayError) -> None:
        if self._reading is not None:
            self._reading.end(error)

    def cut_off(self) -> None:
        self._cut_off = True

    def watch(self, on_leave: Callable[[], None]) -> None:
        if self._watcher is None:
            self._watcher = tasks.spawn(self._await_disconnect(on_leave), "watch client")

    async def _await_disconnect(self, on_leave: Callable[[], None]) -> None:
        await self._protocol.client_disconnect()
        self.disconnected = True
        on_leave()

    def unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def close(self) -> None:
        """The handler is done. An answer without its end breaks the connection."""
        if self._stream is not None and not self.disconnected:
            found = self._socket or sockets.find(self._scope.server, self._scope.client)
            if found is not None:
                self._socket = found
                with suppress(OSError):  # it is gone already
                    found.shutdown(socket.SHUT_WR)
        self._release()

    def _release(self) -> None:
        """granian ends an answer whose stream is nobody's any more."""
        self._stream = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _texts(headers: list[Header]) -> TextHeaders:
    """RSGI writes text as UTF-8, so that values which are UTF-8 arrive as they are."""
    try:
        return [(name.decode(), value.decode()) for name, value in headers]
    except UnicodeDecodeError:
        return [(name.decode(), value.decode("utf-8", "replace")) for name, value in headers]


def application(handler: Handler) -> Application:
    """An RSGI application of `handler`, for HTTP only."""

    async def app(scope: Scope, protocol: HttpProtocol) -> None:
        downstream = RsgiDownstream(scope, protocol)
        try:
            await handler(downstream)
        finally:
            downstream.close()

    return app
