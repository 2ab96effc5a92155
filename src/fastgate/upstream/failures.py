"""The phases of a call, and the errors that it can end with."""

import ssl
from enum import IntEnum
from typing import Final

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.upstream.tls import handshake_error


class Phase(IntEnum):
    """What a call waits for."""

    CONNECTING = 0
    HEADERS = 1
    FIRST_CONTENT = 2
    CHUNKS = 3
    OVER = 4


_TIMED_OUT: Final = {
    Phase.HEADERS: (FailureKind.HEADERS_TIMEOUT, "no response headers in time"),
    Phase.FIRST_CONTENT: (FailureKind.FIRST_CONTENT_TIMEOUT, "no content in time"),
    Phase.CHUNKS: (FailureKind.BETWEEN_CHUNKS_TIMEOUT, "the response stopped coming"),
}


def timed_out(phase: Phase) -> UpstreamError:
    """`phase` took longer than its timer allows."""
    kind, message = _TIMED_OUT[phase]
    return UpstreamError(kind, message)


def lost_before_response(exc: Exception | None, bytes_in: int) -> UpstreamError:
    """The connection went away before the headers were complete."""
    if isinstance(exc, ssl.SSLError):
        # With TLS 1.3 a refused client certificate shows only now.
        return handshake_error(exc)
    where = "within the response headers" if bytes_in else "before the response"
    return UpstreamError(FailureKind.RESET_BEFORE_RESPONSE, f"the connection was lost {where}")


def lost_within_body() -> UpstreamError:
    """The connection went away after the headers, and not as the end of the body."""
    return UpstreamError(FailureKind.RESET_MID_BODY, "the connection was lost within the response body")


def too_large(limit: int) -> UpstreamError:
    """A response that is not streamed exceeds what may be kept in memory."""
    return UpstreamError(FailureKind.RESPONSE_TOO_LARGE, f"the response is larger than {limit} bytes")
