"""Who is calling: the virtual key, from whichever header the client's SDK puts it in."""

from typing import Final

from fastgate.downstream.interface import Downstream
from fastgate.pipeline.exchange import Exchange

_PLAIN_HEADERS: Final = (b"x-api-key", b"api-key", b"x-goog-api-key")
_OUR_HEADERS: Final = (b"x-fg-virtual-key", b"x-bf-vk")


def presented_secret(downstream: Downstream) -> bytes | None:
    """Our own headers win: beside them, `authorization` may carry what an SDK insists on sending."""
    header = downstream.header
    for name in _OUR_HEADERS:
        if value := header(name):
            return value.strip()
    authorization = header(b"authorization")
    if authorization:
        scheme, _, secret = authorization.partition(b" ")
        if scheme.lower() == b"bearer" and secret:
            return secret.strip()
    for name in _PLAIN_HEADERS:
        if value := header(name):
            return value.strip()
    return None


def authenticate(exchange: Exchange) -> None:
    """GatewayError with one of the 401 codes."""
    exchange.key = exchange.services.authenticator.authenticate(presented_secret(exchange.downstream))
