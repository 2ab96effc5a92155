"""The answer to a request that got none from upstream, in the dialect of the endpoint."""

from typing import Any, Final

import msgspec

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.errors import ERRORS, BrokenOff, GatewayError
from fastgate.observability import log
from fastgate.pipeline import headers
from fastgate.pipeline.exchange import Exchange
from fastgate.wire.openai import JSON, error_body

MIN_SECRET: Final = 8
"""Shorter ones are placeholders for servers that ask for none, and may be words of a message."""


class _Refusal(msgspec.Struct):
    message: str
    type: str
    param: Any
    code: Any


class _RefusalBody(msgspec.Struct):
    error: _Refusal


async def reject(exchange: Exchange, error: GatewayError | UpstreamError) -> None:
    """Answer with the gateway's own error, or with the provider's refusal of the request."""
    out = [JSON]
    if isinstance(error, GatewayError):
        status = error.status
        body = error_body(error.message, error.type, error.code, error.param)
        out += error.headers
        exchange.error_code, exchange.error = error.code, error.message
    elif error.kind is FailureKind.CLIENT_ERROR:
        status = error.status
        body = _refusal(exchange, error)
        out += [h for h in headers.relayed(list(error.headers)) if h[0] != b"content-type"]
        exchange.error = f"refused by the provider: {error.message}"
    else:
        status = ERRORS["upstream_error"].status
        message = f"The provider's answer cannot be used: {error.message}."
        body = error_body(message, ERRORS["upstream_error"].type, "upstream_error")
        exchange.error_code, exchange.error = "upstream_error", error.message
    exchange.status = status
    exchange.finish = "error"
    out += headers.own(exchange, None)
    await exchange.downstream.respond(status, out, body)


def _refusal(exchange: Exchange, error: UpstreamError) -> bytes:
    """The provider's body as it is where it has the dialect's shape, else its text in that shape.

    The secret that was presented never passes, even if the provider repeats it.
    """
    body = error.body
    for secret in exchange.generation.secrets.values():
        if secret is not None and len(secret) >= MIN_SECRET:
            body = body.replace(secret.encode("latin-1", "replace"), b"[redacted]")
    try:
        msgspec.json.decode(body, type=_RefusalBody)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        text = _message(body) or f"The provider refused the request with status {error.status}."
        return error_body(text, "invalid_request_error", None)
    return body


def _message(body: bytes) -> str:
    """The sentence in another vendor's error body."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    for _ in range(3):
        if isinstance(decoded, dict):
            decoded = next((decoded[k] for k in ("error", "message", "detail") if decoded.get(k)), "")
        elif isinstance(decoded, list) and decoded:
            decoded = decoded[0]
    return decoded if isinstance(decoded, str) else ""


async def reject_unexpected(exchange: Exchange, error: Exception) -> None:
    """A defect of ours: the log gets where it happened, the client its request id."""
    log.event(
        "error",
        "internal error",
        request_id=exchange.request_id,
        error=type(error).__name__,
        where=_where(error),
    )
    exchange.error = f"internal error: {type(error).__name__}"
    if exchange.downstream.started:
        exchange.error_code, exchange.finish = "internal_error", "cut"
        raise BrokenOff from None
    message = f"The gateway failed; its log has the request id {exchange.request_id}."
    await reject(exchange, GatewayError("internal_error", message))


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    places: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename.rpartition('/fastgate/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(places[-6:])
