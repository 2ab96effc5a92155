"""Errors that an answer or a stream of OpenAI's dialect carries, and the status that each stands for."""

from typing import Final, NamedTuple

import msgspec

from fastgate.wire.lenient import UNREADABLE, is_empty, scalar

_STATUSES: Final = {
    429: (
        "rate_limit",
        "rate_limit_exceeded",
        "rate_limit_reached",
        "insufficient_quota",
        "too_many_requests",
        "resource_exhausted",
        "tokens",
        "requests",
    ),
    401: ("invalid_api_key", "authentication", "unauthorized", "unauthenticated"),
    403: ("permission", "permission_denied", "forbidden"),
    400: ("invalid_request", "bad_request", "context_length_exceeded", "content_filter"),
    404: ("model_not_found", "not_found"),
    422: ("unprocessable_entity",),
    500: ("server", "api", "internal", "internal_server"),
    503: ("service_unavailable", "unavailable"),
    504: ("timeout", "vector_store_timeout", "gateway_timeout"),
    529: ("overloaded", "engine_overloaded"),
}
_CLIENT_PREFIXES: Final = ("invalid", "unsupported")


def _plain(name: str) -> str:
    """`rate_limit_error`, `RateLimitError` and `RATE_LIMIT` are the same name."""
    return name.lower().replace("_", "").replace("-", "").replace(" ", "").removesuffix("error")


_STATUS_OF_NAME: Final = {_plain(name): status for status, names in _STATUSES.items() for name in names}


class _Names(msgspec.Struct):
    """What an error is called, inside `error` or beside it."""

    status: msgspec.Raw = msgspec.Raw()
    code: msgspec.Raw = msgspec.Raw()
    type: msgspec.Raw = msgspec.Raw()
    message: msgspec.Raw = msgspec.Raw()


class _Envelope(_Names):
    """Vendors disagree: `error` is an object, a string, or absent beside `type` or `object` of that name."""

    error: msgspec.Raw = msgspec.Raw()
    object: msgspec.Raw = msgspec.Raw()


_envelopes: Final = msgspec.json.Decoder(_Envelope)
_texts: Final = msgspec.json.Decoder(str)
_names: Final = msgspec.json.Decoder(_Names)


class InBand(NamedTuple):
    """`status` is the one that the error stands for; `message` is the provider's, "" if it gives none."""

    status: int
    message: str


def error_in(data: bytes, *, other: int = 500) -> InBand | None:
    """The error that the JSON of a 200 carries; None if it carries none.

    `other` is the status of a name that is not known. An error without any name is the provider's fault.
    """
    try:
        envelope = _envelopes.decode(data)
    except UNREADABLE:
        return None
    if not is_empty(envelope.error):
        names = _names_in(envelope.error)
    elif b'"error"' in {bytes(envelope.type), bytes(envelope.object)}:
        names = envelope
    else:
        return None
    return InBand(_status(names, other), _said(names.message) or _said(envelope.error))


def _said(value: msgspec.Raw) -> str:
    """A text of any length; "" for all else."""
    try:
        return _texts.decode(value)
    except UNREADABLE:
        return ""


def _names_in(error: msgspec.Raw) -> _Names:
    try:
        return _names.decode(error)
    except UNREADABLE:
        return _Names()  # a string, or a list: an error without a name


def _status(names: _Names, other: int) -> int:
    given = [
        value for value in (scalar(names.status), scalar(names.code), scalar(names.type)) if value is not None
    ]
    known = (_known_status(value) for value in given)
    if status := next((value for value in known if value), 0):
        return status
    called = [_plain(value) for value in given if isinstance(value, str) and value not in {"", "error"}]
    if any(name.startswith(_CLIENT_PREFIXES) for name in called):
        return 400
    return other if called else 500


def _known_status(value: str | int) -> int:
    if isinstance(value, str):
        if not (len(value) == 3 and value.isascii() and value.isdigit()):
            return _STATUS_OF_NAME.get(_plain(value), 0)
        value = int(value)
    return value if 400 <= value <= 599 else 0
