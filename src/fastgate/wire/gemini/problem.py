"""Errors in Google's shape (`google.rpc.Status` in JSON), as they are written and read."""

from typing import Any, Final

import msgspec

from fastgate.wire.gemini.shapes import Shape, Status
from fastgate.wire.interface import Header, Problem

JSON: Final[Header] = (b"content-type", b"application/json; charset=UTF-8")

_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    415: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_CODES: Final = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""google.rpc.Code as HTTP statuses (google/rpc/code.proto)."""


class _Body(Shape):
    error: Status | None = None


_bodies: Final[msgspec.json.Decoder[_Body | list[_Body]]] = msgspec.json.Decoder(_Body | list[_Body])


def problem_object(problem: Problem) -> dict[str, Any]:
    """The object that stands in a body, or in a stream as its last element."""
    details: list[dict[str, Any]] = []
    if problem.code is not None:
        info: dict[str, Any] = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": problem.code.upper(),
            "domain": "fastgate",
        }
        if problem.param is not None:
            info["metadata"] = {"param": problem.param}
        details.append(info)
    if problem.request_id:
        details.append(
            {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": problem.request_id}
        )
    error: dict[str, Any] = {
        "code": problem.status,
        "message": problem.message,
        "status": _STATUSES.get(problem.status, "INTERNAL" if problem.status >= 500 else "UNKNOWN"),
    }
    if details:
        error["details"] = details
    return {"error": error}


def status_of(error: Status) -> int:
    """The HTTP status that an error stands for; an error that names none is the provider's fault."""
    if error.code is not None and 400 <= error.code <= 599:
        return error.code
    return _CODES.get(error.status or "", 500)


def error_in(body: bytes) -> Status | None:
    """The error in a body, or in the first element of an array; None if there is none that can be read."""
    try:
        found = _bodies.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if isinstance(found, list):
        found = found[0] if found else _Body()
    return found.error
