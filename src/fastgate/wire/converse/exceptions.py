"""What Bedrock calls its errors, and the statuses that they stand for."""

from typing import Any, Final

import msgspec

from fastgate.domain.reply import Failed
from fastgate.wire.converse.frames import Frame, exception_frame
from fastgate.wire.interface import Header, Problem

STATUS_OF: Final = {
    "AccessDeniedException": 403,
    "ThrottlingException": 429,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "InternalServerException": 500,
    "ServiceUnavailableException": 503,
    "ValidationException": 400,
    "ModelNotReadyException": 429,
    "ModelErrorException": 424,
    "ServiceQuotaExceededException": 400,
    "ModelStreamErrorException": 424,
}
"""The service model's own; `InvokeModel` and `Converse` answer them."""

_NAME_OF: Final = {
    401: "AccessDeniedException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
    529: "ServiceUnavailableException",
}


class _Exception(msgspec.Struct):
    message: str | None = None
    originalStatusCode: int | None = None
    originalMessage: str | None = None


_exceptions: Final = msgspec.json.Decoder(_Exception)
_bodies: Final = msgspec.json.Decoder(dict[str, Any])
_OF_ERRORS: Final = frozenset({"message", "Message", "__type"})


def name_of(status: int) -> str:
    return _NAME_OF.get(status) or ("ValidationException" if status < 500 else "InternalServerException")


def write_problem(problem: Problem) -> tuple[list[Header], bytes]:
    """As `ClientFormat.write_problem`: the SDKs tell an error by the header."""
    headers = [
        (b"content-type", b"application/json"),
        (b"x-amzn-errortype", name_of(problem.status).encode()),
    ]
    return headers, msgspec.json.encode({"message": problem.message})


def write_failure(problem: Problem) -> bytes:
    """The exception that ends a stream. A stream has fewer of them than the operations."""
    match problem.status:
        case 429:
            name = "throttlingException"
        case 503 | 529:
            name = "serviceUnavailableException"
        case 500:
            name = "internalServerException"
        case status if status < 500:
            name = "validationException"
        case _:
            name = "modelStreamErrorException"
    said: dict[str, str | int] = {"message": problem.message}
    if name == "modelStreamErrorException":
        said |= {"originalStatusCode": problem.status, "originalMessage": problem.message}
    return exception_frame(name, msgspec.json.encode(said))


def error_in(body: bytes) -> str | None:
    """The message of an error that came as an answer; None of what is none."""
    try:
        members = _bodies.decode(body)
    except (ValueError, RecursionError):
        return None
    said = members.get("message", members.get("Message"))
    return said if isinstance(said, str) and members.keys() <= _OF_ERRORS else None


def failure_in(frame: Frame) -> Failed:
    """Of an exception's or error's frame."""
    try:
        said = _exceptions.decode(frame.payload)
    except (ValueError, RecursionError):
        said = _Exception()
    message = said.message or said.originalMessage or frame.message or "The provider broke the stream off."
    name = frame.name[:1].upper() + frame.name[1:]
    if name == "ModelStreamErrorException":
        original = said.originalStatusCode or 0
        return Failed(original if original == 429 or 500 <= original < 600 else 502, message)
    return Failed(STATUS_OF.get(name, 500), message)
