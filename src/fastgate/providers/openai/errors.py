"""OpenAI's errors, as a status or inside a 200, and what each means for failover (DESIGN part 8)."""

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from fastgate import clock
from fastgate.domain.failure import FailureKind, UpstreamError

Header = tuple[bytes, bytes]

MAX_RETRY_AFTER_S: Final = 86_400.0

_STATUS_OF_NAME: Final = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "rate_limit_reached": 429,
    "insufficient_quota": 429,
    "tokens": 429,
    "requests": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "model_not_found": 404,
    "not_found_error": 404,
    "server_error": 500,
    "api_error": 500,
    "timeout": 504,
    "overloaded_error": 529,
}


class _Error(msgspec.Struct):
    message: Any = None
    type: Any = None
    code: Any = None
    status: Any = None


class ErrorEnvelope(msgspec.Struct):
    """Vendors disagree: `error` is an object, a string, or absent beside a top-level `message`."""

    error: _Error | str | None = None
    type: Any = None
    code: Any = None
    message: Any = None


_decoder: Final = msgspec.json.Decoder(ErrorEnvelope)


def classify_status(status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
    """The failure for a status of 300 and more; `retry_after_s` where the upstream gave one."""
    return UpstreamError(
        kind_of_status(status),
        f"status {status}",
        status=status,
        headers=tuple(headers),
        body=body,
        retry_after_s=retry_after_s(headers),
    )


def kind_of_status(status: int) -> FailureKind:
    if status < 400:
        return FailureKind.REDIRECT
    if status == 429:
        return FailureKind.RATE_LIMITED
    if status in {401, 403}:
        return FailureKind.CREDENTIAL_REJECTED
    if status == 408 or status >= 500:
        return FailureKind.SERVER_ERROR
    return FailureKind.CLIENT_ERROR


def in_band_error(data: bytes) -> UpstreamError | None:
    """The error that a 200 carries, treated as the status that it names."""
    try:
        envelope = _decoder.decode(data)
    except msgspec.MsgspecError:
        return None
    error = envelope.error
    if error is None:
        if envelope.type != "error":
            return None
        error = _Error(message=envelope.message, code=envelope.code)
    status = 500
    if isinstance(error, _Error):
        named = (_status(value) for value in (error.status, error.code, error.type))
        status = next((value for value in named if value), 500)
    return UpstreamError(
        kind_of_status(status), f"status 200 with an error that means {status}", status=status, body=data
    )


def _status(value: object) -> int:
    if isinstance(value, int) and 400 <= value <= 599:
        return value
    if isinstance(value, str):
        if value.isascii() and value.isdigit() and 400 <= int(value) <= 599:
            return int(value)
        return _STATUS_OF_NAME.get(value, 0)
    return 0


def retry_after_s(headers: Sequence[Header]) -> float | None:
    """`Retry-After` in both forms (RFC 9110, 10.2.3), or OpenAI's `retry-after-ms`; None if there is none."""
    values = {name: value for name, value in headers if name in {b"retry-after", b"retry-after-ms"}}
    milliseconds = values.get(b"retry-after-ms")
    if milliseconds is not None and milliseconds.isdigit():
        return min(int(milliseconds) / 1000, MAX_RETRY_AFTER_S)
    value = values.get(b"retry-after")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value.decode("latin-1")).timestamp() - clock.time_ns() / 1e9
        except ValueError:
            return None
    if not 0 <= seconds < float("inf"):
        return 0.0 if seconds < 0 else None
    return min(seconds, MAX_RETRY_AFTER_S)
