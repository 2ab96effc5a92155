"""One TCP or TLS connection to a provider: bytes in and out, one exchange at a time."""

import asyncio
from typing import Final, Protocol, cast

from fastgate import clock
from fastgate.domain.failure import UpstreamError
from fastgate.upstream.proxy import Proxy
from fastgate.upstream.response import ResponseReader
from fastgate.wire.pieces import Body

JOIN_LIMIT: Final = 64 * 1024
WRITE_SLICE: Final = 256 * 1024


class Exchange(Protocol):
    """Who sent the request: told what happens to its response."""

    bytes_in: int
    last_ns: int

    def sending(self, done: bool) -> None:
        """More of the request was taken by the socket; `done`: all of it."""

    def received(self) -> None:
        """The reader was fed."""

    def failed(self, error: UpstreamError) -> None:
        """What the peer sent is not a response."""

    def lost(self, exc: Exception | None, clean: bool) -> None:
        """The connection is gone; `clean`: the peer ended its stream in order."""


class Owner(Protocol):
    """Who keeps the connection between exchanges."""

    def put(self, connection: "Connection") -> None:
        """It can serve again."""

    def closed(self, connection: "Connection") -> None:
        """It is of no further use; called once."""


class Connection(asyncio.Protocol):
    """`closed` is true as soon as no further exchange is possible, which may be before the socket is gone."""

    __slots__ = (
        "_lost",
        "_unsent",
        "_writable",
        "closed",
        "exchange",
        "idle_since_ns",
        "owner",
        "proxy",
        "reader",
        "served",
        "transport",
    )

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.reader = ResponseReader()
        self.exchange: Exchange | None = None
        self.proxy: Proxy | None = None  # set where requests must be in absolute form
        self.owner: Owner | None = None
        self.closed = False
        self.served = 0  # exchanges that were completed
        self.idle_since_ns = 0
        self._unsent: list[memoryview] = []
        self._writable = True
        self._lost: asyncio.Future[None] | None = None

    def start(self, exchange: Exchange, head: bytes, body: Body) -> None:
        """Begin to send a request. The connection must be idle."""
        transport = self.transport
        assert transport is not None
        self.exchange = exchange
        self.reader.reset()
        if len(body) < JOIN_LIMIT:
            transport.write(head + bytes(body))
            exchange.sending(True)
        else:
            transport.write(head)
            self._unsent = [memoryview(body)] if isinstance(body, bytes) else body.views()
            self._send_more()

    def stop_sending(self) -> None:
        """The peer has answered: what is left of the request would be thrown away."""
        self._unsent.clear()

    def complete(self, *, reusable: bool) -> None:
        """The exchange is over: keep the connection if it can serve again, close it otherwise."""
        self.exchange = None
        self.served += 1
        if reusable and self.reader.keep_alive and not self.closed and self.owner is not None:
            self.owner.put(self)
        else:
            self.close()

    def close(self) -> None:
        """Close at once, whatever is in flight. The exchange is not told."""
        self.exchange = None
        if not self.closed:
            self._retire()
        if self.transport is not None:
            self.transport.abort()

    async def wait_closed(self) -> None:
        """After `close`: return when the socket is gone."""
        if self.transport is not None:
            self._lost = asyncio.get_running_loop().create_future()
            await self._lost

    def _retire(self) -> None:
        self.closed = True
        self._unsent.clear()
        if self.owner is not None:
            self.owner.closed(self)

    def _send_more(self) -> None:
        exchange, transport, unsent = self.exchange, self.transport, self._unsent
        while unsent and self._writable and exchange is not None and transport is not None:
            piece = unsent.pop(0)
            if len(piece) > WRITE_SLICE:
                unsent.insert(0, piece[WRITE_SLICE:])
            transport.write(piece[:WRITE_SLICE])
            exchange.sending(not unsent)

    def _end(self, exc: Exception | None, clean: bool) -> None:
        if not self.closed:
            exchange, self.exchange = self.exchange, None
            self._retire()
            if exchange is not None:
                exchange.lost(exc, clean)

    # --- callbacks of the transport ---------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=WRITE_SLICE)

    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            # Nothing was asked: a farewell such as 408, or an attempt to answer the next request.
            self.close()
            return
        exchange.last_ns = clock.monotonic_ns()
        exchange.bytes_in += len(data)
        try:
            self.reader.feed(data)
        except UpstreamError as error:
            exchange.failed(error)
        else:
            exchange.received()

    def eof_received(self) -> None:
        self._end(None, clean=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc, clean=False)
        self.transport = None
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._send_more()
