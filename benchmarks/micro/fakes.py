"""Client and provider of a request that never leaves the process: what a phase takes is ours alone."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from fastgate.downstream.interface import Header
from fastgate.errors import GatewayError

Lap = Callable[[str], None]
"""Told the name of what has just ended."""

PATH: Final = "/v1/chat/completions"


def no_lap(name: str) -> None:
    """Nobody looks at the watch."""


class FakeDownstream:
    """A client that has sent everything and takes everything. Implements `Downstream`."""

    def __init__(
        self, headers: Sequence[Header], body: bytes, lap: Lap, on_written: Callable[[], None]
    ) -> None:
        self.method = "POST"
        self.path = PATH
        self.query = b""
        self.started = False
        self.disconnected = False
        self.refused: GatewayError | None = None
        self.bytes_in = 0
        self.bytes_out = 0
        self.extra_headers: list[Header] = []
        self.status = 0
        self.finished = False
        self._headers = headers
        self._index: dict[bytes, bytes] = dict(headers)
        self._body = body
        self._lap = lap
        self._on_written = on_written

    def header(self, name: bytes) -> bytes | None:
        return self._index.get(name)

    def select(self, names: frozenset[bytes]) -> Sequence[Header]:
        return [header for header in self._headers if header[0] in names]

    def drop_headers(self) -> None:
        self._headers = ()

    async def body(self, limit: int, timeout_s: float) -> bytes:
        self.bytes_in = len(self._body)
        return self._body

    async def start(self, status: int, headers: list[Header]) -> None:
        self.status = status
        self._lap("relay: head")

    async def write(self, chunk: bytes) -> None:
        self.bytes_out += len(chunk)
        self._lap("a chunk: relay")
        self._on_written()

    async def finish(self) -> None:
        self.finished = True
        self._lap("relay: end, charge")

    async def respond(self, status: int, headers: list[Header], body: bytes) -> None:
        self.status = status
        self.bytes_out = len(body)
        self.finished = True
        self._lap("relay")

    def interrupt(self, error: GatewayError) -> None:
        """It never waits."""

    def cut_off(self) -> None:
        """It never waits."""

    def watch(self, on_leave: Callable[[], None]) -> None:
        """It never leaves."""

    def unwatch(self) -> None:
        """It never leaves."""


class FakeTransport(asyncio.Transport):
    """A provider that answers as soon as it is asked: the first piece then, each further one when the client
    has the one before."""

    def __init__(self, pieces: Sequence[bytes], lap: Lap) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._pieces = pieces
        self._lap = lap
        self._sent = 0
        self._protocol: asyncio.Protocol | None = None

    def connect(self, protocol: asyncio.Protocol) -> None:
        self._protocol = protocol
        protocol.connection_made(self)

    def write(self, data: Any) -> None:
        self._lap("build")
        self._sent = 0
        self.next()

    def next(self) -> None:
        """In a turn of the loop of its own, as bytes that come from a socket."""
        if self._sent < len(self._pieces):
            self._loop.call_soon(self._feed)

    def _feed(self) -> None:
        assert self._protocol is not None
        piece, of_stream = self._pieces[self._sent], self._sent > 0
        self._sent += 1
        self._lap("a chunk: turn of the loop" if of_stream else "turn of the loop")
        self._protocol.data_received(piece)
        self._lap("a chunk: parse" if of_stream else "parse")

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        """There is nothing to close."""

    def close(self) -> None:
        """There is nothing to close."""

    def pause_reading(self) -> None:
        raise AssertionError("the client takes everything at once")
