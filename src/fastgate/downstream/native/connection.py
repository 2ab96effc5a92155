"""One connection of a client: its requests are answered one after the other, by one task.

```
             data                 head is there             handler returns
   idle ─────────────▶ midway ───────────────────▶ serving ─────────────────▶ idle | closing
```

*closing*: the answer says that the connection ends. The client may still be sending; what comes is thrown
away for a while: to close at once would reset the connection, and take the answer with it (RFC 9112 9.6).
"""

import asyncio
from typing import TYPE_CHECKING, Final, cast

from fastgate import tasks
from fastgate.downstream.native.downstream import NativeDownstream
from fastgate.downstream.native.request import Request, RequestReader
from fastgate.downstream.refusals import too_slow
from fastgate.errors import ClientDisconnected, GatewayError

if TYPE_CHECKING:
    from fastgate.downstream.native.server import NativeServer

# What a client may send before somebody asks for it, and what waits for one that does not read.
READ_AHEAD: Final = 64 * 1024
WRITE_BUFFER: Final = 64 * 1024
# Requests that may wait on one connection for their turn.
PIPELINE_LIMIT: Final = 32
# What is thrown away at the end of a connection.
DISCARD_LIMIT: Final = 32 * 1024 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """`due_ns`: from when on the server calls `overdue`; 0 while a request is being answered."""

    __slots__ = (
        "_closing",
        "_cut_off",
        "_downstream",
        "_eof",
        "_error",
        "_idle",
        "_lost",
        "_paused",
        "_reader",
        "_receiving",
        "_room",
        "_task",
        "_transport",
        "_waiter",
        "due_ns",
        "server",
        "writable",
    )

    def __init__(self, server: "NativeServer") -> None:
        self.server = server
        self.due_ns = 0
        self.writable = True
        self._reader = RequestReader()
        self._downstream: NativeDownstream | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None  # of the task, whatever it waits for
        self._error: GatewayError | None = None  # for the body that is waited for
        self._room = READ_AHEAD
        self._receiving = False
        self._paused = False
        self._idle = True
        self._eof = False
        self._lost = False
        self._cut_off = False
        self._closing = False

    # --- callbacks of the transport ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self.due_ns = self.server.head_due_ns
        self.server.connections.add(self)
        if self.server.draining:  # it was accepted a moment before
            self._end()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            self._room -= len(data)
            if self._room < 0:
                self._transport.abort()
            return
        reader = self._reader
        reader.feed(data)
        requests = reader.requests
        if self._downstream is None:
            if not requests:
                if self._idle:
                    self._idle = False
                    self.due_ns = self.server.head_due_ns
                return
            if self._task is None:
                self.due_ns = 0
                self._begin()
                return
        elif len(requests) > PIPELINE_LIMIT or reader.unread > self._room:
            self._pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """A client that only closed its sending side cannot be told from one that left: who watches hears of
        it, and an answer is written all the same."""
        self._eof = True
        self._reader.ended()
        if self._downstream is not None and self._downstream.whole:
            self._downstream.leave()
        self._wake()
        if self._task is None:
            self._end()
        return self._transport.can_write_eof()  # it is not to close by itself; TLS does in any case

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self.writable = True
        self._reader.ended()
        if self._downstream is not None:
            self._downstream.disconnected = True
            self._downstream.leave()
        self._wake()
        self.server.lost(self)

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        self._wake()

    # --- for the server ---------------------------------------------------------------------------

    def overdue(self) -> None:
        """It was silent for too long."""
        if self._reader.midway and not self._closing:
            self._reader.time_out()
            self.data_received(b"")
        else:
            self._transport.abort()

    def retire(self) -> None:
        """The server accepts no others: what is idle ends soon."""
        if self._downstream is None and not self._closing and not self._reader.midway:
            self.due_ns = min(self.due_ns, self.server.idle_due_ns)  # 0 while its task is about to begin

    def drain(self) -> None:
        """The server stops: what is idle ends now, and what is being answered after that. A request that has
        begun to come is waited for, for a moment."""
        if self._task is not None:
            if self._downstream is None:
                self._wake()
        elif self._reader.midway:
            self._begin()
        elif not self._closing:
            self._end()

    # --- for a request ----------------------------------------------------------------------------

    def last(self, request: Request) -> bool:
        """Whether no other request can follow this one."""
        if not (request.keep_alive and request.done) or self.server.retired:
            return True
        return self._eof and not self._reader.requests

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    def write_all(self, pieces: list[bytes]) -> None:
        """In one system call."""
        self._transport.writelines(pieces)

    async def drained(self) -> None:
        """Wait until the client has taken most of what was written. ClientDisconnected."""
        while not self.writable:
            if self._cut_off:
                raise ClientDisconnected
            await self._wait()
        if self._lost:
            raise ClientDisconnected

    async def receive(self, request: Request, limit: int, timeout_s: float) -> None:
        """Wait for the rest of a body, or for more than `limit` of it. GatewayError, ClientDisconnected."""
        self._receiving = True
        self._room = limit
        self._resume_reading()
        if (
            request.size == 0
            and not request.old
            and request.index.get(b"expect", b"").lower() == b"100-continue"
        ):
            self.write(_CONTINUE)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(timeout_s, self._body_overdue, timeout_s)
        size = request.size
        try:
            while not request.over and size <= limit:
                await self._wait()
                if self._lost:
                    raise ClientDisconnected
                if (error := self._error) is not None:
                    try:
                        raise error
                    finally:
                        del error  # its traceback has this frame
                if request.size != size:
                    size = request.size
                    timer.cancel()
                    timer = loop.call_later(timeout_s, self._body_overdue, timeout_s)
        finally:
            timer.cancel()
            self._receiving = False
            self._error = None
            self._room = READ_AHEAD

    def abandon(self) -> None:
        """Nothing is written any more."""
        self._transport.abort()

    def interrupt(self, error: GatewayError) -> None:
        if self._receiving:
            self._error = error
            self._wake()

    def cut_off(self) -> None:
        self._cut_off = True
        self._wake()

    @property
    def left(self) -> bool:
        """Whether the client seems to be gone."""
        return self._eof or self._lost

    # --- the task ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.server.serving += 1  # not in the task, which starts a moment later: perhaps the server stops now
        self._task = tasks.spawn(self._serve(), "client connection")

    async def _serve(self) -> None:
        server, reader = self.server, self._reader
        try:
            while reader.requests or await self._next():
                downstream = self._downstream = NativeDownstream(self, reader.next())
                self._cut_off = False
                if server.free:
                    server.free -= 1
                else:
                    await server.turn()
                try:
                    await server.handler(downstream)
                finally:
                    server.leave()
                self._downstream = None
                if downstream.closing or not downstream.finished:
                    await self._close(downstream)
                    return
            self._end()
        except BaseException:
            self._transport.abort()
            raise
        finally:
            self._downstream = self._task = None
            server.served()

    async def _next(self) -> bool:
        """Wait for the head of another request; False where none will come."""
        self._idle = not self._reader.midway
        self.due_ns = self.server.idle_due_ns if self._idle else self.server.head_due_ns
        self._room = READ_AHEAD
        self._resume_reading()
        while not self._reader.requests:
            if self._eof or self._lost:
                return False
            if self.server.draining:
                if not self._reader.midway:
                    return False
                self.due_ns = min(self.due_ns, self.server.close_due_ns)
            await self._wait()
        self.due_ns = 0
        return True

    async def _close(self, downstream: NativeDownstream) -> None:
        """After the last answer. A broken connection tells of one that was not given, or broke off."""
        transport = self._transport
        self.due_ns = self.server.flush_due_ns
        if self._lost or not downstream.finished:
            if downstream.chunked:
                self._end()  # the last chunk is missing
            else:
                transport.abort()
            return
        self._closing = True
        self._room = DISCARD_LIMIT
        self._resume_reading()
        transport.set_write_buffer_limits(high=0)
        while not self.writable:
            await self._wait()
        self.due_ns = self.server.close_due_ns
        if self.left:
            transport.close()
        elif transport.can_write_eof():
            transport.write_eof()
        elif downstream.whole:
            transport.close()
        # else TLS, which cannot close one side: the client has read that it is to close, or is overdue soon.

    def _end(self) -> None:
        """Close when everything is written; `due_ns` still counts."""
        self._closing = True
        self._transport.close()

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _body_overdue(self, seconds: float) -> None:
        self.interrupt(too_slow(seconds))

    def _pause_reading(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
