"""The connections to one origin: idle ones are reused last-in-first-out, waiters served in order.

Every decision is taken synchronously; a connect runs in a task of its own, bound to the ticket that
asked for it. Invariant: nobody waits while a connection is idle or another may be opened.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

from fastgate import clock, tasks
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.upstream.connect import Connector
from fastgate.upstream.connection import Connection
from fastgate.upstream.origin import Origin


class PoolStats(NamedTuple):
    """`open` counts all connections: busy, idle, and being opened."""

    open: int
    idle: int
    waiting: int


class Ticket:
    """A request for a connection. When `future` is done, one of `connection` and `error` is set."""

    __slots__ = ("connect_s", "connection", "dial", "error", "fresh", "future", "timer")

    def __init__(self, future: asyncio.Future[None], connect_s: float, fresh: bool) -> None:
        self.future = future
        self.connect_s = connect_s
        self.fresh = fresh
        self.connection: Connection | None = None
        self.error: BaseException | None = None
        self.dial: asyncio.Task[Connection | UpstreamError] | None = None
        self.timer: asyncio.TimerHandle | None = None

    def resolve(self, connection: Connection | None, error: BaseException | None) -> bool:
        """False if nobody waits for it any more."""
        if self.timer is not None:
            self.timer.cancel()
        if self.future.done():
            return False
        self.connection = connection
        self.error = error
        self.future.set_result(None)
        return True


class Pool:
    """All connections of one worker to one origin."""

    def __init__(self, origin: Origin, connector: Connector, on_empty: Callable[["Pool"], None]) -> None:
        self.origin = origin
        self._network = origin.network
        self._connector = connector
        self._on_empty = on_empty
        self._loop = asyncio.get_running_loop()
        self._idle: deque[Connection] = deque()  # the longest idle on the left
        self._waiting: OrderedDict[Ticket, None] = OrderedDict()
        self._connections: set[Connection] = set()
        self._dials: set[asyncio.Task[Connection | UpstreamError]] = set()
        self._expiry: asyncio.TimerHandle | None = None

    @property
    def stats(self) -> PoolStats:
        return PoolStats(self._open, len(self._idle), len(self._waiting))

    @property
    def _open(self) -> int:
        return len(self._connections) + len(self._dials)

    def take(self) -> Connection | None:
        """The connection that was used last, if one is idle."""
        return self._idle.pop() if self._idle else None

    def request(self, connect_s: float, *, fresh: bool) -> Ticket:
        """Open a connection, or wait for one; `fresh`: one that has not served before.

        The caller awaits the ticket's future, and calls `abandon` if it does not take the connection.
        """
        ticket = Ticket(self._loop.create_future(), connect_s, fresh)
        if self._idle or self._open < self._network.max_connections:
            self._dial(ticket)
            if self._open > self._network.max_connections:
                self._idle.popleft().close()
        else:
            self._waiting[ticket] = None
            if fresh:
                # It has waited for its turn before.
                self._waiting.move_to_end(ticket, last=False)
            ticket.timer = self._loop.call_later(
                self._network.pool_wait_s,
                self._refuse,
                ticket,
                FailureKind.POOL_TIMEOUT,
                "no free connection: network.max_connections are in use",
            )
        return ticket

    def abandon(self, ticket: Ticket) -> None:
        """The caller does not want it any more, at whatever stage it is."""
        self._waiting.pop(ticket, None)
        if ticket.timer is not None:
            ticket.timer.cancel()
        if ticket.dial is not None:
            ticket.dial.cancel()
        if ticket.connection is not None:
            self.put(ticket.connection)

    def put(self, connection: Connection) -> None:
        """Take back a connection that can serve again."""
        if connection.closed:
            return
        while self._waiting:
            ticket = next(iter(self._waiting))
            if ticket.fresh and not ticket.future.done():
                connection.close()
                return
            del self._waiting[ticket]
            if ticket.resolve(connection, None):
                return
        if len(self._idle) >= self._network.max_idle_connections:
            connection.close()
            return
        connection.idle_since_ns = clock.monotonic_ns()
        self._idle.append(connection)
        if self._expiry is None:
            self._expiry = self._loop.call_later(self._network.idle_expiry_s, self._expire)

    async def aclose(self) -> None:
        """Close everything and wait until it is gone."""
        if self._expiry is not None:
            self._expiry.cancel()
        dials = list(self._dials)
        for dial in dials:
            dial.cancel()
        for ticket in list(self._waiting):
            self._refuse(ticket, FailureKind.CANCELLED, "the gateway is shutting down")
        connections = list(self._connections)
        for connection in connections:
            if connection.exchange is not None:
                connection.exchange.failed(
                    UpstreamError(FailureKind.CANCELLED, "the gateway is shutting down")
                )
            connection.close()
        await asyncio.gather(*dials, return_exceptions=True)
        for connection in connections:
            await connection.wait_closed()

    def _refuse(self, ticket: Ticket, kind: FailureKind, message: str) -> None:
        del self._waiting[ticket]
        ticket.resolve(None, UpstreamError(kind, message))

    # --- opening ----------------------------------------------------------------------------------

    def _dial(self, ticket: Ticket) -> None:
        ticket.dial = dial = tasks.spawn(self._connect(ticket.connect_s), "upstream-connect")
        self._dials.add(dial)
        # A callback, not the end of `_connect`: a task cancelled early never runs its coroutine.
        dial.add_done_callback(lambda done: self._dialled(ticket, done))

    async def _connect(self, connect_s: float) -> Connection | UpstreamError:
        try:
            return await self._connector.connect(self.origin, connect_s)
        except UpstreamError as error:
            return error

    def _dialled(self, ticket: Ticket, dial: "asyncio.Task[Connection | UpstreamError]") -> None:
        self._dials.discard(dial)
        if dial.cancelled():
            error: BaseException | None = UpstreamError(FailureKind.CANCELLED, "connecting was cancelled")
        elif (error := dial.exception()) is None:
            result = dial.result()
            if isinstance(result, Connection):
                self._opened(ticket, result)
                return
            error = result
        ticket.resolve(None, error)
        self._slot_free()

    def _opened(self, ticket: Ticket, connection: Connection) -> None:
        if connection.closed:
            self._slot_free()
        else:
            connection.owner = self
            self._connections.add(connection)
        if not ticket.resolve(connection, None):
            self.put(connection)

    # --- closing ----------------------------------------------------------------------------------

    def closed(self, connection: Connection) -> None:
        """The connection is of no further use."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._slot_free()

    def _slot_free(self) -> None:
        """One more connection may be opened: for whoever waits longest."""
        while self._waiting and self._open < self._network.max_connections:
            ticket, _ = self._waiting.popitem(last=False)
            if ticket.timer is not None:
                ticket.timer.cancel()
            if not ticket.future.done():
                self._dial(ticket)
        if not self._open:
            if self._expiry is not None:
                self._expiry.cancel()
            self._on_empty(self)

    def _expire(self) -> None:
        self._expiry = None
        expiry_ns = int(self._network.idle_expiry_s * 1e9)
        now = clock.monotonic_ns()
        while self._idle:
            due_ns = self._idle[0].idle_since_ns + expiry_ns - now
            if due_ns > 0:
                self._expiry = self._loop.call_later(due_ns / 1e9, self._expire)
                return
            self._idle.popleft().close()
