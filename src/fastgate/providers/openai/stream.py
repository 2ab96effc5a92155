"""Readers of OpenAI's streams: what each event means, without touching what is relayed."""

from typing import Any, Final

import msgspec

from fastgate._core.sse import event_data
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.usage import Usage
from fastgate.providers.interface import Sees
from fastgate.providers.openai.errors import in_band_error
from fastgate.providers.openai.usage import UsageObject
from fastgate.wire.openai import DONE, error_event

_EMPTY: Final = frozenset({b"null", b'""', b"[]", b"{}"})


class _Choice(msgspec.Struct):
    index: int = 0
    delta: dict[str, msgspec.Raw] | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: UsageObject | None = None
    service_tier: str | None = None
    error: Any = None


_chunk_decoder: Final = msgspec.json.Decoder(_Chunk)


class ChunkStream:
    """Chat and legacy completions: `data:` chunks with `choices`, ended by `[DONE]`."""

    markers: tuple[bytes, ...] = (b'"usage"', b'"finish_reason"', b'"error"', b"[DONE]")

    def __init__(self, choices: int) -> None:
        self.usage: Usage | None = None
        self.response_id: str | None = None
        self.error: UpstreamError | None = None
        self._unfinished = max(choices, 1)
        self._finished: set[int] = set()
        self._done = False
        self._tier: str | None = None

    def event(self, event: bytes) -> Sees:
        data = event_data(event)
        if not data:
            return Sees.NOTHING
        if data.strip() == b"[DONE]":
            self._done = True
            return Sees.END
        try:
            chunk = _chunk_decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Sees.CONTENT  # relayed: the client may understand what the gateway does not
        if chunk.error is not None:
            self.error = in_band_error(data) or _malformed()
            return Sees.ERROR
        self._tier = chunk.service_tier or self._tier
        if chunk.usage is not None:
            self.usage = chunk.usage.normalise(self._tier)
        seen = Sees.NOTHING
        for choice in chunk.choices or ():
            if choice.finish_reason is not None:
                self._finished.add(choice.index)
            if choice.text or (choice.delta is not None and _has_content(choice.delta)):
                seen |= Sees.CONTENT
        if not chunk.choices and chunk.usage is not None:
            seen |= Sees.USAGE_ONLY
        return seen

    def complete(self) -> bool:
        return self._done or len(self._finished) >= self._unfinished

    def ending(self) -> bytes:
        return b"" if self._done else DONE

    def failure(self, message: str, code: str, last_event: bytes) -> bytes:
        return error_event(message, "upstream_error", code)


def _has_content(delta: dict[str, msgspec.Raw]) -> bool:
    """Text, refusal, tool calls, reasoning, audio, or whatever a vendor adds: all but the role."""
    return any(name != "role" and bytes(value) not in _EMPTY for name, value in delta.items())


def _malformed() -> UpstreamError:
    return UpstreamError(FailureKind.STREAM_ERROR, "the stream carries an error")


class _ResponseObject(msgspec.Struct):
    id: str | None = None
    status: str | None = None
    usage: UsageObject | None = None
    service_tier: str | None = None
    error: Any = None


class _ResponseEvent(msgspec.Struct):
    type: str = ""
    sequence_number: int = -1
    response: msgspec.Raw = msgspec.Raw()


_event_decoder: Final = msgspec.json.Decoder(_ResponseEvent)
_response_decoder: Final = msgspec.json.Decoder(_ResponseObject)
_ABSENT: Final = frozenset({b"", b"null"})
_OPENING: Final = frozenset({"response.created", "response.in_progress", "response.queued"})
_TERMINAL: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponsesStream:
    """The Responses API: named events with sequence numbers, ended by a terminal event."""

    markers: tuple[bytes, ...] = (
        b"response.completed",
        b"response.incomplete",
        b"response.failed",
        b'"error"',
        # An event of the type `error`, which need have no key of that name.
        b"event: error",
        b"event:error",
        b'"type":"error',
        b'"type": "error',
        b"[DONE]",
    )

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.response_id: str | None = None
        self.error: UpstreamError | None = None
        self._response: bytes = b"{}"
        self._terminal = False
        self._opened = False

    def event(self, event: bytes) -> Sees:
        data = event_data(event)
        if not data:
            return Sees.NOTHING
        if data.strip() == b"[DONE]":
            return Sees.END
        try:
            decoded = _event_decoder.decode(data)
            raw = bytes(decoded.response)
            response = _response_decoder.decode(raw) if raw not in _ABSENT else None
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Sees.CONTENT
        if response is not None:
            self._response = raw
            self.response_id = response.id or self.response_id
            if response.usage is not None:
                self.usage = response.usage.normalise(response.service_tier)
        if decoded.type in _OPENING:
            self._opened = True
            return Sees.NOTHING
        if decoded.type == "response.failed" and response is not None:
            return self._failed(b'{"error":' + msgspec.json.encode(response.error) + b"}")
        if decoded.type == "error" or (not decoded.type and in_band_error(data) is not None):
            return self._failed(data)
        if decoded.type in _TERMINAL:
            self._terminal = True
            return Sees.CONTENT | Sees.END
        return Sees.CONTENT

    def _failed(self, data: bytes) -> Sees:
        self.error = in_band_error(data) or _malformed()
        return Sees.ERROR

    def complete(self) -> bool:
        return self._terminal

    def ending(self) -> bytes:
        return b""

    def failure(self, message: str, code: str, last_event: bytes) -> bytes:
        """`response.failed` in the response object of this stream, numbered after the last event."""
        error = {"code": "server_error", "message": message}
        try:
            number = _event_decoder.decode(event_data(last_event)).sequence_number + 1
            response = msgspec.json.decode(self._response)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            number, response = 0, {}
        body: dict[str, Any]
        if self._opened and isinstance(response, dict) and response:
            name = "response.failed"
            body = {"response": {**response, "status": "failed", "error": error}}
        else:
            name = "error"
            body = {"code": code, "message": message, "param": None}
        data = msgspec.json.encode({"type": name, "sequence_number": number, **body})
        return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


class PlainStream:
    """Streams of other endpoints (images, speech, transcripts): every event but an error is content."""

    markers: tuple[bytes, ...] = (b'"usage"', b'"error"', b"[DONE]")

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.response_id: str | None = None
        self.error: UpstreamError | None = None

    def event(self, event: bytes) -> Sees:
        data = event_data(event)
        if not data:
            return Sees.NOTHING
        if data.strip() == b"[DONE]":
            return Sees.END
        try:
            chunk = _chunk_decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Sees.CONTENT
        if chunk.error is not None:
            self.error = in_band_error(data) or _malformed()
            return Sees.ERROR
        if chunk.usage is not None:
            self.usage = chunk.usage.normalise(chunk.service_tier)
        return Sees.CONTENT

    def complete(self) -> bool:
        return True

    def ending(self) -> bytes:
        return b""

    def failure(self, message: str, code: str, last_event: bytes) -> bytes:
        return error_event(message, "upstream_error", code)
