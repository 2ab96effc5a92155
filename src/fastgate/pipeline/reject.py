"""The answer to a request that got none from upstream, in the dialect of the endpoint."""

from typing import Any, Final

import msgspec

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.format import Format
from fastgate.errors import ERRORS, BrokenOff, GatewayError
from fastgate.observability import log
from fastgate.pipeline import headers
from fastgate.pipeline.exchange import Exchange
from fastgate.wire.formats import CLIENTS
from fastgate.wire.interface import Header, Problem
from fastgate.wire.openai import JSON

MIN_SECRET: Final = 8
"""Shorter ones are placeholders for servers that ask for none, and may be words of a message."""


class _Refusal(msgspec.Struct):
    message: str
    type: str
    param: Any
    code: Any


class _RefusalBody(msgspec.Struct):
    error: _Refusal


class _Loose(msgspec.Struct):
    code: object = None
    param: object = None


class _LooseBody(msgspec.Struct):
    error: _Loose


class _Object(msgspec.Struct):
    """Of a format whose providers are one vendor: what that says is its shape."""


_SHAPES: Final[dict[Format, type[msgspec.Struct]]] = dict.fromkeys(
    (Format.CHAT, Format.COMPLETIONS, Format.RESPONSES, Format.EMBEDDINGS, Format.RERANK), _RefusalBody
)
_PASSED: Final = frozenset({b"x-amzn-errortype"})


async def reject(exchange: Exchange, error: GatewayError | UpstreamError) -> None:
    """Answer with the gateway's own error, or with the provider's refusal of the request."""
    if isinstance(error, GatewayError):
        status = error.status
        out, body = _written(
            exchange, Problem(status, error.message, error.type, error.code, error.param, exchange.request_id)
        )
        out += error.headers
        exchange.error_code, exchange.error = error.code, error.message
    elif error.kind is FailureKind.CLIENT_ERROR:
        status = error.status
        out, body = _refusal(exchange, error)
        out += [h for h in headers.relayed(list(error.headers)) if h[0] != b"content-type"]
        exchange.error = f"refused by the provider: {error.message}"
    else:
        spec = ERRORS["upstream_error"]
        status = spec.status
        message = f"The provider's answer cannot be used: {error.message}."
        out, body = _written(
            exchange, Problem(status, message, spec.type, "upstream_error", None, exchange.request_id)
        )
        exchange.error_code, exchange.error = "upstream_error", error.message
    exchange.status = status
    exchange.finish = "error"
    out += headers.own(exchange, None)
    await exchange.downstream.respond(status, out, body)


def _written(exchange: Exchange, problem: Problem) -> tuple[list[Header], bytes]:
    return CLIENTS[exchange.operation.errors].write_problem(problem)


def _refusal(exchange: Exchange, error: UpstreamError) -> tuple[list[Header], bytes]:
    """The provider's body as it is where it has the shape of the client's format, else its text in that.

    The secret that was presented never passes, even if the provider repeats it.
    """
    body = error.body
    for secret in exchange.generation.secrets.known():
        for text in (secret,) if isinstance(secret, str) else secret:
            if text is not None and len(text) >= MIN_SECRET:
                body = body.replace(text.encode("latin-1", "replace"), b"[redacted]")
    if not error.translated and _has_shape(exchange.operation.errors, body):
        return [JSON, *(each for each in error.headers if each[0] in _PASSED)], body
    text = _message(body) or f"The provider refused the request with status {error.status}."
    code, param = (None, None) if error.translated else _code_and_param(body)
    return _written(
        exchange, Problem(error.status, text, "invalid_request_error", code, param, exchange.request_id)
    )


def _has_shape(format_: Format, body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=_SHAPES.get(format_, _Object))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _code_and_param(body: bytes) -> tuple[str | None, str | None]:
    """What OpenAI's format has beside the sentence, of a body that is not OpenAI's to the letter: Azure's
    content filter is an error without a type."""
    try:
        said = msgspec.json.decode(body, type=_LooseBody).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None, None
    return (
        said.code if isinstance(said.code, str) else None,
        said.param if isinstance(said.param, str) else None,
    )


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
