"""The edges: what accepts connections, speaks HTTP with the clients, and calls a `Handler` for each request.

Each is imported only where it is used, so that a worker has one HTTP server in memory.
"""

from typing import Protocol

from fastgate.downstream.interface import Handler
from fastgate.launch import Edge


class Server(Protocol):
    """Owns its listening socket from `serve` on; stopping closes it."""

    async def serve(self) -> None:
        """Accept connections until stopped; returns after the last response."""

    def retire(self) -> None:
        """Accept no new connection. A client is told with its next answer that it is the last one on this
        connection, and `serve` returns when none is left."""

    def stop(self) -> None:
        """Refuse new connections, and let the open responses finish."""


def server(
    edge: Edge,
    handler: Handler,
    fd: int,
    *,
    backlog: int,
    backpressure: int,
    keep_alive_s: float,
    head_timeout_s: float,
    tls: tuple[str, str] | None,
) -> Server:
    """The server of `edge` on the listening socket `fd`.

    `backpressure` is the number of requests that are in `handler` at once; `tls` has the paths of certificate
    chain and private key. Only the native edge lets the times be chosen: see `config.server_settings`.
    OSError, RuntimeError: the socket or the files cannot be used.
    """
    match edge:
        case "native":
            from fastgate.downstream.native.server import NativeServer

            return NativeServer(
                handler,
                fd,
                backlog=backlog,
                backpressure=backpressure,
                keep_alive_s=keep_alive_s,
                head_timeout_s=head_timeout_s,
                tls=tls,
            )
        case "asgi":
            from fastgate.downstream import asgi
            from fastgate.downstream.server import GranianServer

            app = asgi.application(handler)
            return GranianServer(app, fd, backlog=backlog, backpressure=backpressure, tls=tls)
        case "rsgi":
            from fastgate.downstream import rsgi
            from fastgate.downstream.server import GranianServer

            return GranianServer(
                rsgi.application(handler),
                fd,
                interface="rsgi",
                backlog=backlog,
                backpressure=backpressure,
                tls=tls,
            )
