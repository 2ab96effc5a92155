"""One request of a native connection, and its answer."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import unquote_to_bytes

from fastgate.downstream.interface import Header
from fastgate.downstream.native.answer import NO_LENGTH, fields, opening
from fastgate.downstream.native.request import Request
from fastgate.downstream.refusals import broken_chunks, too_large
from fastgate.errors import ClientDisconnected, GatewayError

if TYPE_CHECKING:
    from fastgate.downstream.native.connection import Connection

# Below it, one copy is cheaper than another buffer for the kernel to gather.
_JOIN_LIMIT: Final = 16 * 1024
_LAST_CHUNK: Final = b"0\r\n\r\n"


class NativeDownstream:
    """Implements `Downstream` on a connection of our own."""

    __slots__ = (
        "_connection",
        "_request",
        "_unsent",
        "bytes_in",
        "bytes_out",
        "chunked",
        "closing",
        "disconnected",
        "extra_headers",
        "finished",
        "method",
        "on_leave",
        "path",
        "query",
        "refused",
        "started",
    )

    def __init__(self, connection: "Connection", request: Request) -> None:
        self._connection = connection
        self._request = request
        self._unsent = b""  # a head that waits for the first piece of its body
        self.chunked = False
        self.method = request.method
        path, _, query = request.target.partition(b"?")
        self.query = query
        self.path = path.decode("ascii") if path[:1] == b"/" and b"%" not in path else _path(path)
        refusal = request.refusal
        self.refused = None if refusal is None else GatewayError(*refusal)
        self.bytes_in = 0
        self.bytes_out = 0
        self.started = False
        self.finished = False
        self.disconnected = False
        self.closing = False  # the head told the client that no other answer follows
        self.on_leave: Callable[[], None] | None = None
        self.extra_headers: list[Header] = []

    def header(self, name: bytes) -> bytes | None:
        return self._request.index.get(name)

    def select(self, names: frozenset[bytes]) -> Sequence[Header]:
        return [header for header in self._request.headers if header[0] in names]

    def drop_headers(self) -> None:
        self._request.drop_headers()

    async def body(self, limit: int, timeout_s: float) -> bytes:
        request = self._request
        if not request.done:
            declared = request.index.get(b"content-length")
            if declared is not None and int(declared) > limit:
                raise too_large(limit)
            try:
                await self._connection.receive(request, limit, timeout_s)
            finally:
                self.bytes_in = request.size
        self.bytes_in = request.size
        if request.size > limit:
            raise too_large(limit)
        if request.broken:
            await self._cannot_read()
        return request.take()

    async def _cannot_read(self) -> NoReturn:
        if self.disconnected:
            raise ClientDisconnected
        if self._request.chunked:
            raise broken_chunks()
        # Its client left, or closed its sending side only, and is told; either way it is no request.
        await self.respond(400, [], b"")
        self.disconnected = True
        raise ClientDisconnected

    async def start(self, status: int, headers: list[Header]) -> None:
        if self.disconnected:
            raise ClientDisconnected
        if self._request.old:
            # It ends with the connection.
            head = self._head(status, headers, last=True)
        else:
            self.chunked = True
            head = self._head(status, headers) + b"transfer-encoding: chunked\r\n"
        # With the first piece, which is there when an answer begins: one system call less, and one packet.
        self._unsent = head + b"\r\n"

    async def write(self, chunk: bytes) -> None:
        if self.disconnected:
            raise ClientDisconnected
        if not chunk:
            return  # as a chunk it would be the last one
        connection = self._connection
        self.bytes_out += len(chunk)
        if self.chunked:
            chunk = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        if self._unsent:
            chunk, self._unsent = self._unsent + chunk, b""
        connection.write(chunk)
        if not connection.writable:
            await connection.drained()

    async def finish(self) -> None:
        if self.disconnected:
            raise ClientDisconnected
        rest = self._unsent + (_LAST_CHUNK if self.chunked else b"")
        if rest:
            self._connection.write(rest)
        self.finished = True

    async def respond(self, status: int, headers: list[Header], body: bytes) -> None:
        if self.disconnected:
            raise ClientDisconnected
        connection = self._connection
        head = self._head(status, headers)
        if status not in NO_LENGTH:
            head += b"content-length: %d\r\n" % len(body)
        if self.method == "HEAD":
            body = b""
        self.bytes_out = len(body)
        if len(body) < _JOIN_LIMIT:
            connection.write(head + b"\r\n" + body)
        else:
            connection.write_all([head + b"\r\n", body])
        self.finished = True
        if not connection.writable:
            await connection.drained()

    def _head(self, status: int, headers: list[Header], *, last: bool = False) -> bytes:
        headers += self.extra_headers
        lines = fields(headers)
        self.started = True
        connection = self._connection
        head = opening(status) + lines + connection.server.date
        if b"\r\nconnection: close\r\n" in head:
            self.closing = True
        elif last or connection.last(self._request):
            self.closing = True
            head += b"connection: close\r\n"
        elif self._request.old:
            head += b"connection: keep-alive\r\n"
        return head

    def interrupt(self, error: GatewayError) -> None:
        self._connection.interrupt(error)

    def cut_off(self) -> None:
        self._connection.cut_off()

    def watch(self, on_leave: Callable[[], None]) -> None:
        if self.on_leave is None:
            self.on_leave = on_leave
            if self._connection.left:
                asyncio.get_running_loop().call_soon(self.leave)

    def unwatch(self) -> None:
        self.on_leave = None

    @property
    def whole(self) -> bool:
        """Whether all of the request has come."""
        return self._request.done

    def leave(self) -> None:
        """The client is gone, or seems so: whoever watches decides."""
        if self.on_leave is not None:
            on_leave, self.on_leave = self.on_leave, None
            self.disconnected = True
            self._connection.abandon()
            on_leave()


def _path(raw: bytes) -> str:
    if raw[:1] != b"/":
        _, scheme, rest = raw.partition(b"://")
        if scheme:  # absolute form (RFC 9112 3.2.2); else `*`, or the authority that CONNECT names
            _, _, path = rest.partition(b"/")
            raw = b"/" + path
    return unquote_to_bytes(raw).decode("utf-8", "replace")
