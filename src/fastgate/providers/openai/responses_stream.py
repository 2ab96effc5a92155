"""Reader of the stream of OpenAI's Responses API."""

from typing import Any, Final

import msgspec

from fastgate._core.sse import EventSplitter, event_data
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.usage import Usage
from fastgate.providers.interface import Sees
from fastgate.providers.openai.counted import with_searches
from fastgate.providers.openai.errors import in_band_error
from fastgate.providers.openai.marked import MarkedStream
from fastgate.wire.lenient import UNREADABLE, is_empty, scalar, text
from fastgate.wire.openai_usage import usage_of


class _Item(msgspec.Struct):
    type: msgspec.Raw = msgspec.Raw()


class _Response(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class _Event(msgspec.Struct):
    type: msgspec.Raw = msgspec.Raw()
    sequence_number: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()
    item: msgspec.Raw = msgspec.Raw()


_events: Final = msgspec.json.Decoder(_Event)
_responses: Final = msgspec.json.Decoder(_Response)
_items: Final = msgspec.json.Decoder(_Item)

_OPENING: Final = frozenset({"response.created", "response.in_progress", "response.queued"})
_SCAFFOLDING: Final = frozenset(
    {"response.content_part.added", "response.reasoning_summary_part.added", "keepalive"}
)
_TERMINAL: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
# `function_call`, `web_search_call` and so on; `mcp_approval_request`.
_SEEN_ITEMS: Final = ("_call", "_request")


class ResponsesStream(MarkedStream):
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
        self._number = -1

    def event(self, event: bytes) -> Sees:
        data = event_data(event)
        if not data:
            return Sees.NOTHING
        if data.strip() == b"[DONE]":
            self.error = UpstreamError(FailureKind.TRUNCATED, "`[DONE]` without a terminal event")
            return Sees.ERROR
        try:
            decoded = _events.decode(data)
        except UNREADABLE:
            return Sees.CONTENT
        type_ = text(decoded.type) or ""
        self._number = max(self._number, _number(decoded))
        response = self._read(decoded.response)
        if type_ == "response.failed":
            self.error = _failure_in(response)
        elif type_ == "error" or not type_:
            self.error = in_band_error(data)
        if self.error is not None:
            return Sees.ERROR
        if type_ in _OPENING:
            self._opened = True
            return Sees.NOTHING
        if type_ in _TERMINAL:
            self._terminal = True
            return Sees.CONTENT | Sees.END
        if type_ in _SCAFFOLDING or (type_ == "response.output_item.added" and not _is_seen(decoded.item)):
            return Sees.NOTHING
        return Sees.CONTENT

    def _read(self, raw: msgspec.Raw) -> _Response:
        """The response object of an event, which the last one of them describes best."""
        if is_empty(raw):
            return _Response()
        try:
            response = _responses.decode(raw)
        except UNREADABLE:
            return _Response()
        self._response = bytes(raw)
        self.response_id = text(response.id) or self.response_id
        usage = usage_of(response.usage, response.service_tier)
        self.usage = self.usage if usage is None else with_searches(raw, usage)
        return response

    def complete(self) -> bool:
        return self._terminal

    def finished(self) -> bool:
        return self._terminal

    def ending(self) -> bytes:
        return b""

    def failure(self, message: str, code: str, last_events: bytes) -> bytes:
        """`response.failed` in the response object of this stream, numbered after the last event."""
        number = max(self._number, _last_number(last_events)) + 1
        try:
            response = msgspec.json.decode(self._response)
        except UNREADABLE:
            response = {}
        body: dict[str, Any]
        if self._opened and isinstance(response, dict) and response:
            name = "response.failed"
            error = {"code": "server_error", "message": message}
            body = {"response": {**response, "status": "failed", "error": error}}
        else:
            name = "error"
            body = {"code": code, "message": message, "param": None}
        data = msgspec.json.encode({"type": name, "sequence_number": number, **body})
        return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def _failure_in(response: _Response) -> UpstreamError:
    """Of the API's codes all that are not known to be the provider's fault are about the request."""
    error = b"null" if is_empty(response.error) else bytes(response.error)
    failure = in_band_error(b'{"error":' + error + b"}", other=400)
    return failure or UpstreamError(FailureKind.STREAM_ERROR, "the response failed without a reason")


def _is_seen(item: msgspec.Raw) -> bool:
    """A tool call; an empty message or reasoning only announces its content."""
    try:
        return (text(_items.decode(item).type) or "").endswith(_SEEN_ITEMS)
    except UNREADABLE:
        return False


def _number(event: _Event) -> int:
    number = scalar(event.sequence_number)
    return number if isinstance(number, int) else -1


def _last_number(events: bytes) -> int:
    """Of the last event that has one."""
    splitter = EventSplitter((), max(len(events), 1))
    splitter.feed(events)
    for event, _ in reversed(splitter.events()):
        try:
            number = _number(_events.decode(event_data(event)))
        except UNREADABLE:
            continue
        if number >= 0:
            return number
    return -1
