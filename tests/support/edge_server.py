"""A server of one edge in the test's own loop, on a real socket, before whatever handler the test wants."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastgate import tasks
from fastgate.downstream import edges
from fastgate.downstream.interface import Downstream, Handler
from fastgate.launch import Edge

BODY_LIMIT = 1024 * 1024
BODY_TIMEOUT_S = 5.0
KEEP_ALIVE_S = 75.0
HEAD_TIMEOUT_S = 30.0


@dataclass
class EdgeServer:
    url: str
    server: edges.Server
    serving: asyncio.Task[None]

    async def stopped(self) -> None:
        """Stop it, and wait until it is done."""
        self.server.stop()
        async with asyncio.timeout(10):
            await self.serving


@asynccontextmanager
async def edge_server(
    edge: Edge,
    handler: Handler,
    *,
    backpressure: int = 100,
    tls: tuple[str, str] | None = None,
) -> AsyncIterator[EdgeServer]:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = edges.server(
        edge,
        handler,
        listener.detach(),
        backlog=64,
        backpressure=backpressure,
        keep_alive_s=KEEP_ALIVE_S,
        head_timeout_s=HEAD_TIMEOUT_S,
        tls=tls,
    )
    started = EdgeServer(url, server, tasks.spawn(server.serve(), "edge server"))
    # Its first turns: granian must have begun before it can be told to stop.
    await asyncio.sleep(0)
    try:
        yield started
    finally:
        await started.stopped()


async def echo(downstream: Downstream) -> None:
    """Answers with the body that it got."""
    body = await downstream.body(BODY_LIMIT, BODY_TIMEOUT_S)
    await downstream.respond(200, [(b"content-type", b"application/json")], body)
