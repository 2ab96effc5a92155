"""granian in an event loop of our own, on a listening socket that another process made.

granian's own multi-process server binds with SO_REUSEPORT in each worker: connections that wait in a
dead worker's queue die with it, and two gateways on one port go unnoticed. Its embedded server takes
no descriptor, so the one method that makes the socket is replaced.
"""

import logging
from pathlib import Path
from typing import Any, Final, Literal

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.log import LogLevels
from granian.server.embed import Server as EmbeddedServer

from fastgate.observability import log


class LogBridge(logging.Handler):
    """What granian logs, above all an exception that an application let through, goes into our log."""

    def emit(self, record: logging.LogRecord) -> None:
        log.event("error", "HTTP server", part=record.name, detail=self.format(record))


# Laid over granian's own logging configuration.
_HANDLERS: Final = {"handlers": {"console": {"()": LogBridge}, "access": {"class": "logging.NullHandler"}}}


class GranianServer(EmbeddedServer):
    """Implements `edges.Server` for `app`, an application of `interface`.

    `backpressure` is the number of requests that are in the application at once.
    """

    def __init__(
        self,
        app: Any,
        fd: int,
        *,
        interface: Literal["asginl", "rsgi"] = "asginl",
        backlog: int,
        backpressure: int,
        tls: tuple[str, str] | None = None,
    ) -> None:
        certificate, key = (Path(tls[0]), Path(tls[1])) if tls is not None else (None, None)
        super().__init__(
            app,
            interface=Interfaces(interface),
            http=HTTPModes.http1,
            websockets=False,
            backlog=backlog,
            backpressure=backpressure,
            log_level=LogLevels.error,
            log_dictconfig=_HANDLERS,
            ssl_cert=certificate,
            ssl_key=key,
            ssl_protocol_min=SSLProtocols.tls12,
        )
        self._fd = fd

    def _init_shared_socket(self) -> None:
        self._shd = SocketHolder(self._fd, False, self.backlog)  # type: ignore[call-arg, assignment]  # its stub knows neither

    def retire(self) -> None:
        """granian knows one way to end, which closes idle connections without a word."""
        self.stop()

    def stop(self) -> None:
        super().stop()  # type: ignore[no-untyped-call]  # untyped in granian
