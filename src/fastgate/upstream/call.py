"""One request to a provider and its response: timers, backpressure, and how it can end."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from fastgate import clock
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Timeouts
from fastgate.upstream.connection import Connection
from fastgate.upstream.decode import Decoder, decoder_for
from fastgate.upstream.failures import Phase, lost_before_response, lost_within_body, timed_out, too_large
from fastgate.upstream.origin import Origin
from fastgate.upstream.response import ResponseReader
from fastgate.wire.pieces import Body

if TYPE_CHECKING:
    from fastgate.upstream.client import Client  # it makes calls, and is asked by them for a pool

SLOW_NS: Final = 20_000_000
READ_AHEAD: Final = 256 * 1024
# The loop's timers count milliseconds and may fire that much early.
_TIMER_SLACK_NS: Final = 1_000_000
_OF_THE_CODING: Final = frozenset((b"content-encoding", b"content-length"))

_CONNECTING, _HEADERS, _FIRST_CONTENT, _CHUNKS, _OVER = Phase


class Call:
    """Made by `Client.call`. One `send`, then the response; `release` in a `finally`, always.

    `on_sending` is called before anything is written. `on_slow` is called once if `send` has not got what it
    waits for 20 ms after it began: the headers of a stream, else the whole response. Times are of
    `clock.monotonic_ns`, 0 until reached. `sent`: the request was handed to the socket as a whole.
    """

    __slots__ = (
        "_aborted",
        "_chunks",
        "_client",
        "_connection",
        "_decoded",
        "_decoded_bytes",
        "_decoder",
        "_error",
        "_future",
        "_index",
        "_loop",
        "_origin",
        "_paused",
        "_phase",
        "_reader",
        "_stream",
        "_taken",
        "_timeouts",
        "_timer",
        "_timer_due_ns",
        "body",
        "bytes_in",
        "connected_ns",
        "headers",
        "headers_ns",
        "last_ns",
        "on_sending",
        "on_slow",
        "reused",
        "sent",
        "sent_ns",
        "started_ns",
        "status",
    )

    def __init__(self, client: "Client", origin: Origin, timeouts: Timeouts, stream: bool) -> None:
        self.on_sending: Callable[[], None] | None = None
        self.on_slow: Callable[[], None] | None = None
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.sent = False
        self.reused = False
        self.started_ns = self.connected_ns = self.sent_ns = self.headers_ns = self.last_ns = 0
        self.bytes_in = 0
        self._client = client
        self._origin = origin
        self._timeouts = timeouts
        self._stream = stream
        self._loop = client.loop
        self._phase = _CONNECTING
        self._connection: Connection | None = None
        self._reader: ResponseReader | None = None
        self._decoder: Decoder | None = None
        self._index: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []  # as received: the reader's own list
        self._decoded: list[bytes] = []  # of a compressed response that is not streamed
        self._decoded_bytes = 0
        self._taken = 0  # body bytes that the reader of a stream has had
        self._paused = False
        self._error: UpstreamError | None = None
        self._aborted = False
        self._future: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_ns = 0

    # --- for the caller ---------------------------------------------------------------------------

    async def send(self, head: bytes, body: Body) -> None:
        """Send the request; return when the headers of the response (stream), or all of it, are there.

        A refusal (a status of 300 and more) counts as a stream.

        A failure on a reused connection before any byte came back is repeated once on a fresh one: the
        provider closed an idle connection just then. Raises UpstreamError.
        """
        self.started_ns = clock.monotonic_ns()
        self._watch()
        try:
            if self._error is not None:
                raise self._error
            connection = self._client.pool(self._origin).take()
            if connection is None:
                connection = await self._acquire(fresh=False)
            await self._exchange(connection, head, body)
            error = self._failure()
            if error is not None and self._stale_connection(error):
                self._error = None
                self._phase = _CONNECTING
                self._watch()
                await self._exchange(await self._acquire(fresh=True), head, body)
                error = self._failure()
            if error is not None:
                raise error
        except BaseException:
            self._drop()
            raise

    def header(self, name: bytes) -> bytes | None:
        """A header's value, the last one where it is repeated. `name` is lower case."""
        return self._index.get(name)

    @property
    def complete(self) -> bool:
        """Whether all of the response has come, so that nothing has to be waited for."""
        return self._phase is _OVER and self._error is None

    def drop_headers(self) -> None:
        """A stream may go on for long: `headers` has done its work, `header` still answers."""
        self.headers.clear()
        self.on_sending = self.on_slow = None

    async def read(self) -> bytes:
        """All of the body that has arrived; b"" at its end. Raises UpstreamError, after what came before."""
        while True:
            data = self._take()
            if data:
                return data
            if self._error is not None:
                raise self._error
            if self._phase is _OVER:
                return b""
            self._future = self._loop.create_future()
            try:
                await self._future
            except BaseException:
                self._drop()
                raise

    async def read_all(self, limit: int) -> bytes:
        """The rest of the body. Raises UpstreamError, RESPONSE_TOO_LARGE for more than `limit` bytes."""
        parts = []
        size = 0
        while data := await self.read():
            size += len(data)
            if size > limit:
                error = too_large(limit)
                self._fail(error)
                raise error
            parts.append(data)
        return b"".join(parts)

    def content_started(self) -> None:
        """From now on a silence counts, no longer the time since the request was sent."""
        if self._phase is _FIRST_CONTENT:
            self._phase = _CHUNKS
            self.last_ns = clock.monotonic_ns()
            self._watch()

    def abort(self, error: UpstreamError) -> None:
        """End the call from outside: a pending or later `send` or `read` raises `error` at once."""
        if not self._aborted:
            self._aborted = True
            self._error = None
            self._chunks.clear()
            self._decoder = None
            self._fail(error)

    def release(self) -> None:
        """The caller is done with it. A connection whose response is not complete is closed."""
        self._drop()
        self._chunks = []
        self.on_sending = self.on_slow = None

    # --- the exchange -----------------------------------------------------------------------------

    async def _acquire(self, *, fresh: bool) -> Connection:
        pool = self._client.pool(self._origin)
        ticket = pool.request(self._timeouts.connect_s, fresh=fresh)
        self._future = ticket.future
        try:
            await ticket.future
            if self._error is not None:
                raise self._error
            if ticket.error is not None:
                raise ticket.error
        except BaseException:
            pool.abandon(ticket)
            raise
        assert ticket.connection is not None
        return ticket.connection

    def _exchange(self, connection: Connection, head: bytes, body: Body) -> asyncio.Future[None]:
        self._connection = connection
        self._phase = _HEADERS
        self.reused = connection.served > 0
        self.bytes_in = 0
        self.sent = False
        self.connected_ns = self.sent_ns = clock.monotonic_ns()
        self._future = future = self._loop.create_future()
        self._reader = connection.reader
        if connection.closed:
            # Lost after it was handed over, before we came to run.
            self._fail(lost_before_response(None, 0))
            return future
        if connection.proxy is not None:
            head = connection.proxy.absolute_form(self._origin, head)
        if self.on_sending is not None:
            self.on_sending()
        connection.start(self, head, body)
        self._chunks = connection.reader.chunks
        self._watch()
        return future

    def _failure(self) -> UpstreamError | None:
        """A call, since a type checker, and with it the compiler, takes the attribute to survive an await."""
        return self._error

    def _stale_connection(self, error: UpstreamError) -> bool:
        return (
            self.reused
            and not self.bytes_in
            and not self._aborted
            and error.kind is FailureKind.RESET_BEFORE_RESPONSE
        )

    def _take(self) -> bytes:
        chunks = self._chunks
        if self._decoder is not None:
            try:
                return self._take_decoded(self._decoder)
            except UpstreamError as error:
                self._fail(error)
                raise
        if not chunks:
            return b""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        self._taken += len(data)
        if self._paused:
            self._resume_reading()
        return data

    def _take_decoded(self, decoder: Decoder) -> bytes:
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._taken += len(data)
        output = decoder.decode(data, READ_AHEAD)
        if self._paused and not decoder.pending:
            self._resume_reading()
        if not output and self._phase is _OVER and self._error is None:
            decoder.finish()
        return output

    def _begin_response(self, reader: ResponseReader) -> None:
        self.headers_ns = self.last_ns
        self.status = reader.status
        self.headers = reader.headers
        self._index = reader.index
        if self.status >= 300:
            self._stream = True  # what follows from a refusal need not wait for its body, nor depend on it
        self._phase = _FIRST_CONTENT if self._stream else _CHUNKS
        if not self.sent and self.status >= 400 and self._connection is not None:
            self._connection.stop_sending()
        if not self._stream and not reader.done:
            limit = self._client.max_response_bytes
            if int(reader.index.get(b"content-length", 0)) > limit:
                raise too_large(limit)
        self._decoder = decoder_for(reader.index)
        if self._decoder is not None:
            self.headers = [h for h in reader.headers if h[0] not in _OF_THE_CODING]
            self._index = dict(self.headers)

    def _collect(self, reader: ResponseReader) -> None:
        """Not streamed: bound what has come, and make `body` of it when it is complete."""
        limit = self._client.max_response_bytes
        if reader.size > limit:
            raise too_large(limit)
        chunks, decoder = self._chunks, self._decoder
        if decoder is not None:
            output = decoder.decode(b"".join(chunks), limit - self._decoded_bytes + 1)
            chunks.clear()
            self._decoded_bytes += len(output)
            if self._decoded_bytes > limit:
                raise too_large(limit)
            self._decoded.append(output)
            if reader.done:
                decoder.finish()
            chunks = self._decoded
        if reader.done:
            self.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            self._chunks = []
            self._decoder = None

    # --- how it ends ------------------------------------------------------------------------------

    def _over(self) -> None:
        self._phase = _OVER
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drop(self) -> None:
        """Let go of the connection, if the exchange is not complete: by closing it."""
        self._over()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _fail(self, error: UpstreamError) -> None:
        if self._error is None:
            error.reused = self.reused
            self._error = error
        self._drop()
        self._wake()

    def _wake(self) -> None:
        future = self._future
        if future is not None and not future.done():
            future.set_result(None)

    # --- timers and flow --------------------------------------------------------------------------

    def _due_ns(self) -> int:
        """When the present phase has taken too long; 0 where that is not for this timer to say."""
        timeouts = self._timeouts
        if self._phase is _HEADERS:
            return self.sent_ns + int(timeouts.headers_s * 1e9)
        if self._phase is _FIRST_CONTENT:
            return self.sent_ns + int(timeouts.first_content_s * 1e9)
        if self._phase is _CHUNKS:
            # While we do not read, the silence is ours.
            since = clock.monotonic_ns() if self._paused else self.last_ns
            return since + int(timeouts.between_chunks_s * 1e9)
        return 0

    @property
    def _waits(self) -> bool:
        """`send` has not got what it waits for."""
        return not (self.headers_ns and self._stream) and self._phase is not _OVER

    def _watch(self) -> None:
        """See to it that the timer fires no later than what is due next. Too early costs nothing: it
        looks again, so activity never has to move it."""
        due = self._due_ns()
        if self.on_slow is not None and self._waits:
            slow = self.started_ns + SLOW_NS
            due = min(due, slow) if due else slow
        if not due:
            return
        if self._timer is not None:
            if self._timer_due_ns <= due:
                return
            self._timer.cancel()
        self._timer_due_ns = due
        self._timer = self._loop.call_later(max(0, due - clock.monotonic_ns()) / 1e9, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = clock.monotonic_ns() + _TIMER_SLACK_NS
        due = self._due_ns()
        if due and now >= due:
            self._fail(timed_out(self._phase))
            return
        on_slow = None
        if self._waits and now >= self.started_ns + SLOW_NS:
            on_slow, self.on_slow = self.on_slow, None
        self._watch()
        if on_slow is not None:
            on_slow()

    def _pause_reading(self) -> None:
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.pause_reading()
            self._paused = True

    def _resume_reading(self) -> None:
        self._paused = False
        self.last_ns = clock.monotonic_ns()
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.resume_reading()

    # --- told by the connection -------------------------------------------------------------------

    def sending(self, done: bool) -> None:
        """Part of the request was taken by the socket."""
        self.sent = done
        self.sent_ns = clock.monotonic_ns()

    def received(self) -> None:
        """The reader was fed: go as far as that leads."""
        reader = self._reader
        assert reader is not None
        began = self._phase is _HEADERS
        if began and not reader.head_done:
            return
        try:
            if began:
                self._begin_response(reader)
            if not self._stream:
                self._collect(reader)
        except UpstreamError as error:
            self._fail(error)
            return
        if reader.done:
            self._over()
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.complete(reusable=self.sent)
            self._wake()
            return
        if began:
            self._watch()
        if self._stream:
            if reader.size - self._taken > READ_AHEAD and not self._paused:
                self._pause_reading()
            self._wake()

    def failed(self, error: UpstreamError) -> None:
        """What the peer sent is not a response, or the pool is being closed."""
        self._fail(error)

    def lost(self, exc: Exception | None, clean: bool) -> None:
        """The connection is gone."""
        reader = self._reader
        if reader is None or not reader.head_done:
            self._fail(lost_before_response(exc, self.bytes_in))
        elif clean and reader.finish():
            self.received()
        else:
            self._fail(lost_within_body())
