"""A proxy's answer to CONNECT: read up to the blank line, so that TLS can take over the socket."""

import asyncio
import re
from typing import Final

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.upstream.response import HEAD_LIMIT

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)[ \r]")


class Tunnel(asyncio.Protocol):
    """`established` ends when the proxy answered with 2xx; else with UpstreamError."""

    def __init__(self) -> None:
        self.established: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answer = b""

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, blank, rest = self._answer.partition(b"\r\n\r\n")
        if blank:
            status = _STATUS_LINE.match(head + b"\r")
            if status is None or (rest and status[1][:1] == b"2"):
                self._end(UpstreamError(FailureKind.PROTOCOL, "the proxy's answer to CONNECT is invalid"))
            elif status[1][:1] == b"2":
                self._end(None)
            else:
                self._end(
                    UpstreamError(
                        FailureKind.CONNECT_REFUSED,
                        f"the proxy answered CONNECT with status {status[1].decode()}",
                    )
                )
        elif len(self._answer) > HEAD_LIMIT:
            self._end(UpstreamError(FailureKind.PROTOCOL, "the proxy's answer to CONNECT is too long"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(UpstreamError(FailureKind.CONNECT_REFUSED, "the proxy closed the connection"))

    def _end(self, error: UpstreamError | None) -> None:
        if not self.established.done():
            if error is None:
                self.established.set_result(None)
            else:
                self.established.set_exception(error)
                # Retrieved at once: whoever awaited it may have been cancelled.
                self.established.exception()
