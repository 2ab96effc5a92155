"""Streams of the Messages API (https://docs.anthropic.com/en/docs/build-with-claude/streaming)."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fastgate._core.sse import event_data
from fastgate.domain.conversation import Citation
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    ForeignDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.wire.messages.block_reader import arguments_of, read_citation
from fastgate.wire.messages.finish import finish_of
from fastgate.wire.messages.problem import status_of
from fastgate.wire.messages.usage import Said, read_usage

_NOTHING: Final = ()
_BROKEN: Final = Failed(502, "The provider's stream has an event that cannot be read.")
_MISPLACED: Final = Failed(502, "The provider's stream goes on with a block that it never began.")


class _Message(msgspec.Struct):
    id: str = ""
    model: str = ""
    usage: msgspec.Raw = msgspec.Raw()


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw()
    citations: list[msgspec.Raw] | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    citation: msgspec.Raw = msgspec.Raw()
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Error(msgspec.Struct):
    type: str | None = None
    message: str | None = None


class _Event(msgspec.Struct):
    type: str
    index: int = 0
    message: _Message | None = None
    content_block: msgspec.Raw = msgspec.Raw()
    delta: _Delta | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None


class _Kind(msgspec.Struct):
    type: str


_events: Final = msgspec.json.Decoder(_Event)
_blocks: Final = msgspec.json.Decoder(_Block)
_kinds: Final = msgspec.json.Decoder(_Kind)
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

_OWN_BLOCKS: Final = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
_OWN_EVENTS: Final = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
    }
)


class _Tool:
    """A tool use that is being written. Some servers say its whole input at the start and add nothing."""

    __slots__ = ("index", "input", "said")

    def __init__(self, index: int, input_: str) -> None:
        self.index = index
        self.input = input_
        self.said = False


class _Foreign:
    """A block that only this format knows: passed on when it is whole."""

    __slots__ = ("block", "input", "kind")

    def __init__(self, kind: str, block: msgspec.Raw) -> None:
        self.kind = kind
        self.block = block
        self.input: list[str] = []


class EventReader:
    """Reads the JSON of one event after the other; how events are framed is for others to know."""

    def __init__(self, own: Format) -> None:
        self._own = own
        self._blocks: dict[int, _Tool | _Foreign | None] = {}
        self._citations: list[Citation] = []
        self._tools = 0
        self._text_from = 0  # where the text block that is being written begins in the answer
        self._text_to = 0
        self._usage: Said | None = None
        self._done = False

    def complete(self) -> bool:
        return self._done

    def read(self, data: bytes) -> Sequence[Delta]:
        """As `StreamReader.read`, of the event's data."""
        try:
            event = _events.decode(data)
            kind = event.type
            if kind == "content_block_delta":
                return self._delta(event)
            if kind == "content_block_start":
                return self._begin(event.index, event.content_block)
            if kind == "content_block_stop":
                return self._finish_block(event.index)
        except (ValueError, RecursionError):
            return _NOTHING if _is_unknown(data) else (_BROKEN,)
        if kind == "message_start":
            return self._start(event)
        if kind == "message_delta":
            return self._message_delta(event)
        if kind == "message_stop":
            self._done = True
            return (Closed(),)
        if kind == "error":
            error = event.error or _Error()
            return (Failed(status_of(error.type), error.message or ""),)
        return _NOTHING

    def _start(self, event: _Event) -> Sequence[Delta]:
        message = event.message or _Message()
        self._usage = read_usage(message.usage)
        usage = None if self._usage is None else self._usage.usage()
        return (Started(message.id, message.model, usage),)

    def _delta(self, event: _Event) -> Sequence[Delta]:
        delta = event.delta
        if delta is None:
            return (_BROKEN,)
        if event.index not in self._blocks:
            return (_MISPLACED,)
        block = self._blocks[event.index]
        kind = delta.type
        if isinstance(block, _Foreign):
            block.input.append(delta.partial_json)
        elif kind == "text_delta":
            self._text_to += len(delta.text)
            return (TextDelta(delta.text),)
        elif kind == "input_json_delta":
            if block is None:
                return (_MISPLACED,)
            block.said = block.said or bool(delta.partial_json)
            return (ToolDelta(block.index, delta.partial_json),) if delta.partial_json else _NOTHING
        elif kind == "thinking_delta":
            return (ThinkingDelta(delta.thinking),)
        elif kind == "signature_delta":
            return (Sealed(format=self._own, signature=delta.signature),)
        elif kind == "citations_delta":
            self._citations.append(read_citation(delta.citation, self._own))
        return _NOTHING

    def _begin(self, index: int, raw: msgspec.Raw) -> Sequence[Delta]:
        kind = _kinds.decode(raw).type
        if kind not in _OWN_BLOCKS:
            self._blocks[index] = _Foreign(kind, msgspec.Raw(bytes(raw)))
            return _NOTHING
        block = _blocks.decode(raw)
        self._blocks[index] = None
        if kind == "tool_use":
            tool = self._blocks[index] = _Tool(self._tools, arguments_of(block.input))
            self._tools += 1
            return (ToolStarted(index=tool.index, id=block.id, name=block.name),)
        if kind == "redacted_thinking":
            return (Sealed(format=self._own, redacted=block.data),)
        out: list[Delta] = []
        if kind == "text":
            self._text_from = self._text_to
            self._text_to += len(block.text)
            self._citations = [read_citation(each, self._own) for each in block.citations or ()]
            if block.text:
                out.append(TextDelta(block.text))
        elif block.thinking:
            out.append(ThinkingDelta(block.thinking))
        if block.signature:
            out.append(Sealed(format=self._own, signature=block.signature))
        return out

    def _finish_block(self, index: int) -> Sequence[Delta]:
        block = self._blocks.pop(index, None)
        if isinstance(block, _Foreign):
            return (ForeignDelta(format=self._own, kind=block.kind, raw=_whole(block)),)
        if isinstance(block, _Tool):
            return _NOTHING if block.said else (ToolDelta(block.index, block.input),)
        citations, self._citations = self._citations, []
        return [Cited(self._placed(each)) for each in citations]

    def _placed(self, citation: Citation) -> Citation:
        return msgspec.structs.replace(citation, start=self._text_from, end=self._text_to)

    def _message_delta(self, event: _Event) -> Sequence[Delta]:
        out: list[Delta] = []
        usage = read_usage(event.usage)
        if usage is not None:
            self._usage = usage.after(self._usage)
            out.append(Used(self._usage.usage()))
        delta = event.delta
        if delta is not None and delta.stop_reason is not None:
            self._done = True
            out.append(Ended(finish_of(delta.stop_reason), stop_sequence=delta.stop_sequence))
        return out


class StreamReader:
    """Of server-sent events."""

    def __init__(self, own: Format) -> None:
        self._events = EventReader(own)

    def read(self, event: bytes) -> Sequence[Delta]:
        data = event_data(event)
        return self._events.read(data) if data else _NOTHING

    def complete(self) -> bool:
        return self._events.complete()


def _whole(block: _Foreign) -> msgspec.Raw:
    """ValueError: its input is no JSON."""
    if not any(block.input):
        return block.block
    members: dict[str, Any] = _members.decode(block.block)
    members["input"] = msgspec.json.decode("".join(block.input), type=msgspec.Raw)
    return msgspec.Raw(msgspec.json.encode(members))


def _is_unknown(data: bytes) -> bool:
    """An event of a kind that is not read: new ones may come with any fields."""
    try:
        return _kinds.decode(data).type not in _OWN_EVENTS
    except (ValueError, RecursionError):
        return False
