"""Connections of clients, accepted by the worker's own event loop on a socket that another process made."""

import asyncio
import socket
import ssl
from collections import deque
from contextlib import suppress
from email.utils import formatdate
from typing import Final

from fastgate import clock
from fastgate.downstream.interface import Handler
from fastgate.downstream.native.connection import Connection

TLS_HANDSHAKE_S: Final = 10.0
FLUSH_S: Final = 60.0
CLOSE_S: Final = 5.0
LINGER_S: Final = 5.0
"""How long a connection may be idle whose client is still to hear that it ends."""
ACCEPT_S: Final = 0.1
"""In which a connection that was accepted is heard of."""
LOOK_S: Final = 1.0


class NativeServer:
    """Implements `edges.Server`.

    What is overdue is found by one look at all connections a second, which costs less than their timers.
    """

    def __init__(
        self,
        handler: Handler,
        fd: int,
        *,
        backlog: int,
        backpressure: int,
        keep_alive_s: float,
        head_timeout_s: float,
        tls: tuple[str, str] | None,
    ) -> None:
        self.handler = handler
        self.connections: set[Connection] = set()
        self.serving = 0  # connections with a task
        self.free = backpressure
        self.retired = False
        self.draining = False
        self._all_known = False  # no connection is to come any more
        self.date = b""
        self.head_due_ns = self.idle_due_ns = self.flush_due_ns = self.close_due_ns = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._keep_alive_ns = int(keep_alive_s * 1e9)
        self._head_timeout_ns = int(head_timeout_s * 1e9)
        self._fd = fd
        self._backlog = backlog
        self._tls = None
        if tls is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            self._tls.load_cert_chain(*tls)
            self._tls.set_alpn_protocols(["http/1.1"])
        self._retired = asyncio.Event()
        self._stopped = asyncio.Event()
        self._all_served = asyncio.Event()

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        self._look(loop)
        try:
            await self._serve(loop)
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        server = await loop.create_server(
            lambda: Connection(self),
            sock=socket.socket(fileno=self._fd),
            backlog=self._backlog,
            ssl=self._tls,
            ssl_handshake_timeout=None if self._tls is None else TLS_HANDSHAKE_S,
        )
        await self._retired.wait()
        server.close()
        self.retired = True
        # One that was accepted before may be heard of only now: with TLS, when its handshake is done.
        with suppress(TimeoutError):
            async with asyncio.timeout(ACCEPT_S if self._tls is None else TLS_HANDSHAKE_S):
                await self._stopped.wait()
        self._all_known = True
        if self.connections:
            await self._stopped.wait()
        self.draining = True
        for connection in tuple(self.connections):
            connection.drain()
        if self.serving:
            await self._all_served.wait()

    def retire(self) -> None:
        self._keep_alive_ns = min(self._keep_alive_ns, int(LINGER_S * 1e9))
        self.idle_due_ns = clock.monotonic_ns() + self._keep_alive_ns
        for connection in self.connections:
            connection.retire()
        self._retired.set()

    def stop(self) -> None:
        self._retired.set()
        self._stopped.set()

    def lost(self, connection: Connection) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        if self._all_known and not self.connections:
            self._stopped.set()

    async def turn(self) -> None:
        """Wait for a request that ends."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        await waiting

    def leave(self) -> None:
        """A request ended: the next one in turn has its place."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)
                return
        self.free += 1

    def served(self) -> None:
        """A connection's task ends."""
        self.serving -= 1
        if self.draining and not self.serving:
            self._all_served.set()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(LOOK_S, self._look, loop)
        now_ns = clock.monotonic_ns()
        self.date = b"date: %b\r\n" % formatdate(clock.time_ns() / 1e9, usegmt=True).encode("ascii")
        self.head_due_ns = now_ns + self._head_timeout_ns
        self.idle_due_ns = now_ns + self._keep_alive_ns
        self.flush_due_ns = now_ns + int(FLUSH_S * 1e9)
        self.close_due_ns = now_ns + int(CLOSE_S * 1e9)
        for connection in tuple(self.connections):
            if 0 < connection.due_ns < now_ns:
                connection.overdue()
