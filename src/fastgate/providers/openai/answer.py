"""A complete answer: what is read of it, and what of it is none."""

from typing import Final

import msgspec

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.usage import Usage
from fastgate.providers.interface import Answer
from fastgate.providers.openai.counted import COUNTED
from fastgate.providers.openai.errors import in_band_error
from fastgate.wire.lenient import UNREADABLE, is_empty, text
from fastgate.wire.openai_usage import SaneUsage, usage_of

_ANY_BODY: Final = frozenset(
    {Endpoint.AUDIO_SPEECH, Endpoint.AUDIO_TRANSCRIPTIONS, Endpoint.AUDIO_TRANSLATIONS}
)
"""Sound, or with `response_format` text, srt and vtt plain text."""

_WHITESPACE: Final = b" \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"


class _Answer(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw()
    status: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: msgspec.Raw = msgspec.Raw()


class _SaneAnswer(msgspec.Struct):
    """An answer as the specification has it. One with an error, or of odd types, does not fit."""

    id: str | None = None
    status: str | None = None
    usage: SaneUsage | None = None
    service_tier: str | None = None
    error: None = None
    object: str | None = None
    type: str | None = None


_sane_answers: Final = msgspec.json.Decoder(_SaneAnswer)
_answers: Final = msgspec.json.Decoder(_Answer)
_NOTHING: Final = Answer(None, None, None)


def read_answer(endpoint: Endpoint, body: bytes, *, stored: bool) -> Answer:
    """As `Dialect.read_answer`."""
    if endpoint not in _ANY_BODY and not (stored and not body) and not _is_json(endpoint, body):
        what = "neither begins nor ends as the JSON of an answer" if body else "is empty"
        return Answer(None, None, UpstreamError(FailureKind.PROTOCOL, f"a body that {what}"))
    try:
        sane = _sane_answers.decode(body)
    except UNREADABLE:
        return _read_odd_answer(endpoint, body, stored=stored)
    if "error" in (sane.object, sane.type) or (endpoint is Endpoint.RESPONSES and sane.status != "completed"):
        return _read_odd_answer(endpoint, body, stored=stored)
    usage = None if sane.usage is None else sane.usage.usage(sane.service_tier)
    return Answer(_counted(endpoint, body, usage), sane.id, None)


def _read_odd_answer(endpoint: Endpoint, body: bytes, *, stored: bool) -> Answer:
    body = body.removeprefix(_BOM)
    try:
        answer = _answers.decode(body)
    except UNREADABLE:
        return _NOTHING  # the client may understand what the gateway does not
    error = _error_in(endpoint, answer, body, stored=stored)
    if error is not None:
        return Answer(None, None, error)
    usage = usage_of(answer.usage, answer.service_tier)
    return Answer(_counted(endpoint, body, usage), text(answer.id), None)


def _counted(endpoint: Endpoint, body: bytes, usage: Usage | None) -> Usage | None:
    count = COUNTED.get(endpoint)
    return usage if count is None else count(body, usage)


def _is_json(endpoint: Endpoint, body: bytes) -> bool:
    """By its ends, which tells an error page or a cut body from an answer."""
    if body[:1] == b"{" and body[-1:] == b"}":
        return True
    trimmed = body.removeprefix(_BOM).strip(_WHITESPACE)
    if trimmed.startswith(b"{"):
        return trimmed.endswith(b"}")
    # Hugging Face's text-embeddings-inference ranks in an array.
    return endpoint is Endpoint.RERANK and trimmed.startswith(b"[") and trimmed.endswith(b"]")


def _error_in(endpoint: Endpoint, answer: _Answer, body: bytes, *, stored: bool) -> UpstreamError | None:
    if endpoint is not Endpoint.RESPONSES:
        return in_band_error(body)
    if is_empty(answer.status):
        return in_band_error(body)  # no response object at all
    if stored or text(answer.status) != "failed":
        return None
    return in_band_error(body, other=400) or UpstreamError(
        FailureKind.STREAM_ERROR, "the response failed without a reason"
    )
