"""granian inside an event loop of our own, on a listening socket that another process made.

granian's own multi-process server binds with SO_REUSEPORT in each worker: connections that wait in a
dead worker's queue die with it, and two gateways on one port go unnoticed. Its embedded server takes
no descriptor, so the one method that makes the socket is replaced.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.server.embed import Server as EmbeddedServer

Message = MutableMapping[str, Any]
ASGIApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class Server(EmbeddedServer):  # type: ignore[misc]  # granian's servers are untyped
    """Serves `app` on the listening socket `fd`, and owns it from `serve` on: stopping closes it.

    `stop` refuses new connections and lets the open responses finish; `serve` returns after the last.
    `backpressure` is the number of requests that are in the application at once.
    """

    def __init__(
        self,
        app: ASGIApp,
        fd: int,
        *,
        unix: bool = False,
        backlog: int,
        backpressure: int,
        tls: tuple[str, str] | None = None,
    ) -> None:
        certificate, key = (Path(tls[0]), Path(tls[1])) if tls is not None else (None, None)
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            backlog=backlog,
            backpressure=backpressure,
            log_enabled=False,
            ssl_cert=certificate,
            ssl_key=key,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        self._fd = fd
        self._unix = unix

    def _init_shared_socket(self) -> None:
        self._shd = SocketHolder(self._fd, self._unix, self.backlog)
