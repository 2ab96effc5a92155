"""What the pipeline knows of a client's request, whatever server accepted it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from fastgate.errors import GatewayError

Header = tuple[bytes, bytes]


class Downstream(Protocol):
    """One request and its answer. Header names are lower case on both sides.

    `body`, `start`, `write` and `finish` raise ClientDisconnected once the client is known to be gone.
    """

    method: str
    path: str
    query: bytes
    started: bool
    disconnected: bool
    bytes_in: int
    bytes_out: int
    extra_headers: list[Header]
    """Added to the head of whatever answer follows."""

    @property
    def refused(self) -> GatewayError | None:
        """Why this is no request that could be read; nothing else of it counts, and this is its answer."""

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header."""

    def select(self, names: frozenset[bytes]) -> Sequence[Header]:
        """The headers with these names, in order."""

    def drop_headers(self) -> None:
        """Nobody looks at the request's headers any more: from now on it has none."""

    async def body(self, limit: int, timeout_s: float) -> bytes:
        """The whole body. GatewayError: request_too_large as soon as it passes `limit` bytes,
        request_timeout when no piece of it arrives for `timeout_s`, invalid_body for chunks that are
        malformed or break off."""

    async def start(self, status: int, headers: list[Header]) -> None:
        """Send the head of a streamed answer. Once."""

    async def write(self, chunk: bytes) -> None:
        """Send a piece of the body; awaiting it is the client's backpressure."""

    async def finish(self) -> None:
        """End a streamed answer."""

    async def respond(self, status: int, headers: list[Header], body: bytes) -> None:
        """Head, body and end in one: adds `content-length`."""

    def interrupt(self, error: GatewayError) -> None:
        """A `body` that waits for the client raises `error`."""

    def cut_off(self) -> None:
        """Whatever is being sent, and waits for the client to take it, raises ClientDisconnected."""

    def watch(self, on_leave: Callable[[], None]) -> None:
        """Call `on_leave` once when the client goes away, until `unwatch`. Idempotent."""

    def unwatch(self) -> None:
        """Stop watching; nothing is left running."""


Handler = Callable[[Downstream], Awaitable[None]]
"""Answers one request. Where it ends after `start` without `finish`, the answer broke off: the edge breaks
the connection, so that the client does not take it for whole."""
