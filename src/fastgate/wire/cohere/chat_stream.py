"""Streams of Cohere's chat: server-sent events that say what they are in `type`."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate._core.sse import event_data
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.wire.cohere.citations import read_citation
from fastgate.wire.cohere.finish import FAILURES, FINISHES, sentence
from fastgate.wire.cohere.logprobs import LogprobItem, chat_logprobs
from fastgate.wire.cohere.usage import usage_in
from fastgate.wire.lenient import UNREADABLE

_DONE: Final = b"[DONE]"

_KNOWN: Final = frozenset(
    {
        "message-start",
        "content-start",
        "content-delta",
        "tool-plan-delta",
        "tool-call-start",
        "tool-call-delta",
        "citation-start",
        "message-end",
    }
)
"""Types of events that are read."""


class _Content(msgspec.Struct):
    text: str | None = None
    thinking: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    """`message-start` has empty lists where later events have what is new."""

    content: _Content | list[msgspec.Raw] | None = None
    tool_plan: str | None = None
    tool_calls: _ToolCall | list[msgspec.Raw] | None = None
    citations: msgspec.Raw = msgspec.Raw()


class _Delta(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: str | None = None


class _Event(msgspec.Struct):
    """`message` is that of an error, which has no type."""

    type: str | None = None
    id: str | None = None
    index: int | None = None
    delta: _Delta | None = None
    logprobs: LogprobItem | None = None
    message: str | None = None


class _Type(msgspec.Struct):
    type: str | None = None


_events: Final = msgspec.json.Decoder(_Event)
_types: Final = msgspec.json.Decoder(_Type)
_NOTHING: Final[tuple[Delta, ...]] = ()
_EMPTY: Final = _Message()


class ChatStreamReader:
    """Reads one stream."""

    def __init__(self) -> None:
        self._calls: dict[int, int] = {}
        self._complete = False

    def read(self, event: bytes) -> Sequence[Delta]:
        data = event_data(event)
        if not data or data == _DONE:
            return _NOTHING
        try:
            said = _events.decode(data)
        except UNREADABLE:
            return _unreadable(data)
        message = _EMPTY if said.delta is None else said.delta.message or _EMPTY
        match said.type:
            case "content-delta" | "content-start":
                return _content(message.content, said.logprobs)
            case "tool-call-delta":
                return self._arguments(said.index or 0, message.tool_calls)
            case "tool-call-start":
                return self._call(said.index or 0, message.tool_calls)
            case "tool-plan-delta":
                return (ThinkingDelta(message.tool_plan),) if message.tool_plan else _NOTHING
            case "citation-start":
                return _cited(message.citations)
            case "message-start":
                return (Started(said.id or "", ""),)
            case "message-end":
                return self._end(said.delta or _Delta())
            case None if said.message is not None:
                return (Failed(500, said.message),)
        return _NOTHING

    def complete(self) -> bool:
        return self._complete

    def _call(self, index: int, call: _ToolCall | list[msgspec.Raw] | None) -> Sequence[Delta]:
        if (
            not isinstance(call, _ToolCall)
            or call.id is None
            or call.function is None
            or not call.function.name
        ):
            return (Failed(502, "The provider's stream begins a tool call without its id or name."),)
        number = self._calls.setdefault(index, len(self._calls))
        started = ToolStarted(index=number, id=call.id, name=call.function.name)
        if call.function.arguments:
            return started, ToolDelta(number, call.function.arguments)
        return (started,)

    def _arguments(self, index: int, call: _ToolCall | list[msgspec.Raw] | None) -> Sequence[Delta]:
        if not isinstance(call, _ToolCall) or call.function is None or not call.function.arguments:
            return _NOTHING
        if index not in self._calls:
            return (Failed(502, "The provider's stream goes on with a tool call that it did not begin."),)
        return (ToolDelta(self._calls[index], call.function.arguments),)

    def _end(self, delta: _Delta) -> Sequence[Delta]:
        self._complete = True
        usage = usage_in(delta.usage)
        used: tuple[Delta, ...] = () if usage is None else (Used(usage),)
        reason = delta.finish_reason or ""
        if reason in FAILURES:
            return *used, Failed(FAILURES[reason], sentence(reason, delta.error))
        return *used, Ended(FINISHES.get(reason, Finish.STOP)), Closed()


def _content(content: _Content | list[msgspec.Raw] | None, logprobs: LogprobItem | None) -> Sequence[Delta]:
    if not isinstance(content, _Content):
        return _NOTHING
    if content.thinking:
        return (ThinkingDelta(content.thinking),)
    if not content.text:
        return _NOTHING
    return (TextDelta(content.text, 0, None if logprobs is None else chat_logprobs((logprobs,))),)


def _cited(raw: msgspec.Raw) -> Sequence[Delta]:
    if not bytes(raw):
        return _NOTHING
    try:
        return tuple(Cited(each) for each in read_citation(raw))
    except UNREADABLE:
        return (Failed(502, "The provider's stream has a citation that cannot be read."),)


def _unreadable(data: bytes) -> Sequence[Delta]:
    """An event of a kind that is not known has nothing to be missed, whatever it looks like."""
    try:
        kind = _types.decode(data).type
    except UNREADABLE:
        kind = ""
    if kind in _KNOWN or not kind:
        return (Failed(502, "The provider's stream has an event that cannot be read."),)
    return _NOTHING
