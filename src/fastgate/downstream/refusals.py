"""Bodies that are not taken, whatever server they come by. None lets the connection live on."""

from typing import Final

from fastgate.downstream.interface import Header
from fastgate.errors import GatewayError

_CLOSE: Final[tuple[Header, ...]] = ((b"connection", b"close"),)


def broken_chunks() -> GatewayError:
    return GatewayError(
        "invalid_body",
        "The chunks of the request body are malformed, or the last one did not come.",
        headers=_CLOSE,
    )


def too_slow(seconds: float) -> GatewayError:
    return GatewayError(
        "request_timeout", f"No piece of the request body arrived for {seconds:g} s.", headers=_CLOSE
    )


def too_large(limit: int) -> GatewayError:
    return GatewayError(
        "request_too_large",
        f"The request body is larger than {limit} bytes (server.max_body_bytes).",
        headers=_CLOSE,
    )
