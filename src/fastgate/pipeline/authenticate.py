"""Who is calling: the virtual key, from whichever header the client's SDK puts it in."""

from typing import Final
from urllib.parse import parse_qs

from fastgate.domain.format import Format
from fastgate.downstream.interface import Downstream
from fastgate.pipeline.exchange import Exchange
from fastgate.wire.converse.access_key import virtual_key_in

_PLAIN_HEADERS: Final = (b"x-api-key", b"api-key", b"x-goog-api-key")
_OUR_HEADERS: Final = (b"x-fg-virtual-key", b"x-bf-vk")
_GEMINIS: Final = frozenset({Format.GENERATE_CONTENT, Format.EMBED_CONTENT})


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
        if (access_key := virtual_key_in(authorization)) is not None:
            return access_key
    for name in _PLAIN_HEADERS:
        if value := header(name):
            return value.strip()
    return None


def _in_query(exchange: Exchange) -> bytes | None:
    """`?key=`, as Gemini's plain HTTP clients have it."""
    if exchange.operation.errors not in _GEMINIS:
        return None
    values = parse_qs(exchange.downstream.query).get(b"key")
    return values[0] if values else None


def authenticate(exchange: Exchange) -> None:
    """GatewayError with one of the 401 codes."""
    secret = presented_secret(exchange.downstream) or _in_query(exchange)
    exchange.key = exchange.services.authenticator.authenticate(secret)
