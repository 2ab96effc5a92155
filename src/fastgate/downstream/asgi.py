"""The edge for any ASGI 3 server (https://asgi.readthedocs.io/en/latest/specs/www.html)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from io import SEEK_END, BytesIO
from typing import Any, Final

from fastgate import tasks
from fastgate.downstream.interface import Handler, Header
from fastgate.downstream.reading import Reading
from fastgate.downstream.refusals import broken_chunks, too_large
from fastgate.errors import ClientDisconnected, GatewayError

MAX_PIECE: Final = 32 * 1024
"""Servers bound what waits for a client that does not read by number of messages, not by their size."""

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_NO_HEADERS: Final[Mapping[bytes, bytes]] = {}


class AsgiDownstream:
    """Implements `Downstream` on an `http` scope."""

    refused = None

    __slots__ = (
        "_cut_off",
        "_headers",
        "_index",
        "_reading",
        "_receive",
        "_send",
        "_task",
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

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        # Taken out: a server may keep the scope for as long as a stream is open.
        self._headers: Sequence[Header] = scope.pop("headers")
        self._index: Mapping[bytes, bytes] | None = None
        self._task = asyncio.current_task()
        self._reading: Reading | None = None
        self._cut_off = False
        self._receive = receive
        self._send = send
        self._watcher: asyncio.Task[None] | None = None
        self.started = False
        self.disconnected = False
        self.bytes_in = 0
        self.bytes_out = 0
        self.extra_headers: list[Header] = []

    def header(self, name: bytes) -> bytes | None:
        index = self._index
        if index is None:
            index = self._index = dict(reversed(self._headers))
        return index.get(name)

    def select(self, names: frozenset[bytes]) -> Sequence[Header]:
        return [header for header in self._headers if header[0] in names]

    def drop_headers(self) -> None:
        self._headers = ()
        self._index = _NO_HEADERS

    async def body(self, limit: int, timeout_s: float) -> bytes:
        declared = self.header(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise too_large(limit)
        message = await self._next(timeout_s)
        chunk: bytes = message.get("body", b"")
        # It gives its buffer away without a copy: of one piece, that piece. Not a list, since a client that
        # sends a byte a piece must not cost an object each.
        body = BytesIO(chunk)
        body.seek(0, SEEK_END)
        self.bytes_in = len(chunk)
        while self.bytes_in <= limit:
            if not message.get("more_body", False):
                return body.getvalue()
            message = await self._next(timeout_s)
            chunk = message.get("body", b"")
            self.bytes_in += len(chunk)
            body.write(chunk)
        raise too_large(limit)

    async def _next(self, timeout_s: float) -> Message:
        reading = self._reading = Reading(self._task, timeout_s)
        try:
            message = await self._receive()
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
        if message["type"] == "http.disconnect":
            # granian says so of malformed chunks too, whose client is there and waits (docs/errors.md). A
            # body of known length can only break off.
            if self.header(b"transfer-encoding") is not None:
                raise broken_chunks()
            self.disconnected = True
            await self._refuse_body()
            raise ClientDisconnected
        return message

    async def _refuse_body(self) -> None:
        """A client that closed only its sending side reads on, and granian would tell it 500."""
        headers = [(b"content-length", b"0"), (b"connection", b"close")]
        await self._deliver({"type": "http.response.start", "status": 400, "headers": headers})
        await self._deliver({"type": "http.response.body", "body": b"", "more_body": False})

    async def start(self, status: int, headers: list[Header]) -> None:
        if self.disconnected:
            raise ClientDisconnected
        self.started = True
        headers += self.extra_headers
        await self._deliver({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, chunk: bytes) -> None:
        if self.disconnected:
            raise ClientDisconnected
        self.bytes_out += len(chunk)
        if len(chunk) <= MAX_PIECE:
            await self._deliver({"type": "http.response.body", "body": chunk, "more_body": True})
            return
        for start in range(0, len(chunk), MAX_PIECE):
            piece = chunk[start : start + MAX_PIECE]
            await self._deliver({"type": "http.response.body", "body": piece, "more_body": True})

    async def finish(self) -> None:
        if self.disconnected:
            raise ClientDisconnected
        await self._deliver({"type": "http.response.body", "body": b"", "more_body": False})

    async def respond(self, status: int, headers: list[Header], body: bytes) -> None:
        if self.disconnected:
            raise ClientDisconnected
        self.started = True
        headers += self.extra_headers
        headers.append((b"content-length", b"%d" % len(body)))
        send = self._deliver
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if self.method == "HEAD":
            body = b""
        self.bytes_out = len(body)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _deliver(self, message: Message) -> None:
        """Some servers raise OSError on a closed connection (ASGI spec 2.4), others say nothing."""
        try:
            await self._send(message)
        except OSError:
            self.disconnected = True
            raise ClientDisconnected from None
        except asyncio.CancelledError:
            if self._cut_off and self._task is not None and not self._task.uncancel():
                self.disconnected = True
                raise ClientDisconnected from None
            raise

    def interrupt(self, error: GatewayError) -> None:
        if self._reading is not None:
            self._reading.end(error)

    def cut_off(self) -> None:
        if self._task is not None and not self._cut_off:
            self._cut_off = True
            self._task.cancel()

    def watch(self, on_leave: Callable[[], None]) -> None:
        if self._watcher is None:
            self._watcher = tasks.spawn(self._await_disconnect(on_leave), "watch client")

    async def _await_disconnect(self, on_leave: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        on_leave()

    def unwatch(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None


def application(handler: Handler) -> Application:
    """An ASGI application of `handler`, for http only; `lifespan` is left to the server's owner."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await handler(AsgiDownstream(scope, receive, send))
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)
        else:
            raise NotImplementedError(f"ASGI scope {scope['type']!r} is not served")

    return app


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
