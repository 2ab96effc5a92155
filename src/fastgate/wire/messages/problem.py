"""Errors in the shape of the Messages API, and the statuses that its names of errors stand for."""

from typing import Any, Final

import msgspec

from fastgate.wire.interface import Header, Problem
from fastgate.wire.messages import thread
from fastgate.wire.openai import JSON

_STATUS_OF: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_TYPE_OF: Final = {
    **{status: type_ for type_, status in _STATUS_OF.items()},
    408: "timeout_error",
    503: "overloaded_error",
}


def status_of(type_: str | None) -> int:
    """What an error of this type would have been answered with; 500 for one that nobody has heard of."""
    return _STATUS_OF.get(type_ or "", 500)


def type_of(status: int) -> str:
    return _TYPE_OF.get(status, "invalid_request_error" if status < 500 else "api_error")


def error_body(problem: Problem) -> bytes:
    error: dict[str, Any] = {"type": type_of(problem.status), "message": problem.message}
    if (problem.code, problem.param) == ("unsupported_field", thread.MEMBER):
        error["details"] = thread.DETAILS
    return msgspec.json.encode({"type": "error", "error": error, "request_id": problem.request_id or None})


def write_problem(problem: Problem) -> tuple[list[Header], bytes]:
    return [JSON], error_body(problem)


def error_event(problem: Problem) -> bytes:
    return b"event: error\ndata: %b\n\n" % error_body(problem)
