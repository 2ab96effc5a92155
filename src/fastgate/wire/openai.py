"""OpenAI's shapes that the gateway itself produces. Sources: the API reference and openai-python's types."""

from typing import Final

import msgspec

from fastgate.wire.interface import Header, Problem

JSON: Final = (b"content-type", b"application/json")
EVENT_STREAM: Final = (b"content-type", b"text/event-stream; charset=utf-8")
DONE: Final = b"data: [DONE]\n\n"


class ErrorDetail(msgspec.Struct):
    """All four fields are required by the SDKs' types, `null` where there is nothing to say."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(msgspec.Struct):
    error: ErrorDetail


class Model(msgspec.Struct):
    id: str
    created: int
    owned_by: str
    object: str = "model"


class ModelList(msgspec.Struct):
    data: list[Model]
    object: str = "list"


def error_body(message: str, type_: str, code: str | None, param: str | None = None) -> bytes:
    return msgspec.json.encode(ErrorBody(ErrorDetail(message, type_, param, code)))


def error_event(message: str, type_: str, code: str | None, param: str | None = None) -> bytes:
    """Ends a chat or completions stream that failed: an `error` chunk, and no `[DONE]` after it."""
    return b"data: " + error_body(message, type_, code, param) + b"\n\n"


def write_problem(problem: Problem) -> tuple[list[Header], bytes]:
    """As `ClientFormat.write_problem`."""
    return [JSON], error_body(problem.message, problem.type, problem.code, problem.param)
