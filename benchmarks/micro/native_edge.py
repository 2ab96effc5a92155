"""A request from its bytes to the bytes of its answer: the pipeline of `phases` behind the native edge.

What that takes beyond `all, CPU` of `phases` is the edge: HTTP, the task of the connection, the head of the
answer. granian's edges cannot be had without a socket.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import uvloop
from benchmarks.micro import fakes, phases
from benchmarks.micro.plane import data_plane
from benchmarks.micro.timing import Effort, Measured, batch_ns, lower_quartile, turn

from fastgate.app.build import WorkerDataPlane
from fastgate.downstream.native.connection import Connection
from fastgate.downstream.native.server import NativeServer

_BACKPRESSURE: Final = 1_000


class FakeClient(asyncio.Transport):
    """A client that takes everything at once, and has its answer when that ends as it must."""

    def __init__(self, end: bytes, on_piece: Callable[[], None]) -> None:
        super().__init__()
        self._end = end
        self._on_piece = on_piece
        self._answered: asyncio.Future[bytes] | None = None

    async def ask(self, connection: Connection, request: bytes) -> bytes:
        """The last piece of the answer."""
        self._answered = asyncio.get_running_loop().create_future()
        connection.data_received(request)
        return await self._answered

    def write(self, data: Any) -> None:
        if data.endswith(self._end) and self._answered is not None:
            self._answered.set_result(data)
        else:  # of a stream; the head comes with the first
            self._on_piece()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def close(self) -> None:
        """There is nothing to close."""


class NativeBench(phases.Bench):
    """Requests on one connection of a client. `end`: what an answer ends with."""

    def __init__(self, plane: WorkerDataPlane, body: bytes, pieces: tuple[bytes, ...], end: bytes) -> None:
        super().__init__(plane._services, body, pieces, None)
        head = b"".join(b"%b: %b\r\n" % header for header in self._headers)
        self._request_bytes = b"POST %b HTTP/1.1\r\n%b\r\n%b" % (fakes.PATH.encode(), head, body)
        server = NativeServer(
            plane.handler,
            -1,
            backlog=1,
            backpressure=_BACKPRESSURE,
            keep_alive_s=75.0,
            head_timeout_s=30.0,
            tls=None,
        )
        self._client = FakeClient(end, self._transport.next)
        self._client_connection = Connection(server)
        self._client_connection.connection_made(self._client)

    async def _request(self) -> None:
        await self._client.ask(self._client_connection, self._request_bytes)

    async def close(self) -> None:
        """The client leaves; return when the connection's task has ended."""
        self._client_connection.connection_lost(None)
        while self._client_connection.server.serving:  # noqa: ASYNC110  # nobody tells when it ends
            await asyncio.sleep(0)


async def _measured(effort: Effort) -> list[Measured]:
    found: list[Measured] = []
    async with data_plane("governed", log_requests=True) as plane:
        for kind, body, pieces, end in (
            ("whole", phases.BODY, phases.WHOLE, phases.ANSWER),
            ("stream", phases.STREAM_BODY, phases.STREAM, b"0\r\n\r\n"),
        ):
            bench = NativeBench(plane, body, pieces, end)
            await bench.block_ns()
            turns_ns: list[int] = []
            cpu_ns: list[int] = []
            for _ in range(effort.rounds):
                turns_ns.append(batch_ns(turn, phases.TURNS) // phases.TURNS)
                cpu_ns.append(await bench.block_ns())
            await bench.close()
            ns = lower_quartile(cpu_ns)
            found.append(Measured(f"governed {kind}: all, CPU", ns, ns / lower_quartile(turns_ns)))
    return found


def measured(effort: Effort) -> list[Measured]:
    return uvloop.run(_measured(effort))
