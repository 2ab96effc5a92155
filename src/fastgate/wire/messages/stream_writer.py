"""Streams for clients of the Messages API: one content block after the other, each begun, filled, ended."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Thinking
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    ImageDelta,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.interface import Asked, Losses, Problem
from fastgate.wire.lost import CHOICES, CITATION, LOGPROBS, described, lose_delta, lose_tier
from fastgate.wire.messages.finish import STOP_REASON_OF
from fastgate.wire.messages.part_writer import citation, seal_block, text_block, thinking_block, tool_block
from fastgate.wire.messages.problem import error_event
from fastgate.wire.messages.reply_writer import message_of
from fastgate.wire.messages.seal import FAMILY, carried
from fastgate.wire.messages.usage import usage_so_far, whole_usage
from fastgate.wire.seals import AHEAD, HERE, Seal
from fastgate.wire.tools import are_whole

_encode: Final = msgspec.json.Encoder().encode
_DELTA: Final = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{'
_TEXT: Final = _DELTA + b'"type":"text_delta","text":%b}}\n\n'
_THINKING: Final = _DELTA + b'"type":"thinking_delta","thinking":%b}}\n\n'
_SIGNATURE: Final = _DELTA + b'"type":"signature_delta","signature":%b}}\n\n'
_INPUT: Final = _DELTA + b'"type":"input_json_delta","partial_json":%b}}\n\n'
_CITATION: Final = _DELTA + b'"type":"citations_delta","citation":%b}}\n\n'
_BLOCK_START: Final = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,"content_block":%b}\n\n'
)
_BLOCK_STOP: Final = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_MESSAGE_STOP: Final = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

_EMPTY_TEXT: Final = _encode(text_block(""))
_EMPTY_THINKING: Final = _encode(thinking_block(Thinking()))


class _Tool:
    """A tool use whose block is open. Deltas of several may come mixed."""

    __slots__ = ("arguments", "index")

    def __init__(self, index: int) -> None:
        self.index = index
        self.arguments: list[str] = []


class StreamWriter:
    """Of server-sent events. The ends of the message wait for its usage, which may come last."""

    def __init__(self, asked: Asked) -> None:
        self.losses = Losses()
        self._asked = asked
        self._out: list[bytes] = []
        self._begun = self._over = self._refused = False
        self._usage: Usage | None = None
        self._tier: str | None = None
        """The service tier that the client was told."""
        self._end: Ended | None = None
        self._blocks = 0
        self._open = ""  # "text" or "thinking" where the last block is one; tool uses are in `_tools`
        self._tools: dict[int, _Tool] = {}

    def write(self, deltas: Sequence[Delta]) -> bytes:
        if self._over:
            return b""
        for delta in deltas:
            self._take(delta)
        return self._taken()

    def end(self) -> bytes:
        if not self._over:
            self._finish()
        return self._taken()

    def failure(self, problem: Problem) -> bytes:
        if self._over:
            return b""
        self._over = True
        return self._taken() + error_event(problem)

    def _taken(self) -> bytes:
        out, self._out = self._out, []
        return out[0] if len(out) == 1 else b"".join(out)

    def _take(self, delta: Delta) -> None:
        if self._over:
            return
        if getattr(delta, "choice", 0):
            self.losses.drop(CHOICES)
            return
        match delta:
            case TextDelta():
                if delta.text:
                    self._say(delta.text)
                if delta.logprobs is not None:
                    self.losses.drop(LOGPROBS)
            case ToolDelta():
                self._add_input(delta)
            case ThinkingDelta():
                if delta.text:
                    self._show("thinking")
                    self._out.append(_THINKING % (self._blocks - 1, _encode(delta.text)))
            case ToolStarted():
                self._begin_tool(delta)
            case RefusalDelta():
                self._refused = True
                if delta.text:
                    self._say(delta.text)
            case Sealed():
                self._seal(delta)
            case Cited():
                self._cite(delta)
            case ForeignDelta():
                if delta.format in FAMILY:
                    self._add_block(bytes(delta.raw))
                else:
                    lose_delta(delta, self.losses)
            case ImageDelta():
                self._close()
                self._say(described(delta.image, self.losses))
                self._close()
            case Started():
                self._usage = delta.usage
                self._begin(delta.id, delta.model)
            case Ended():
                self._end = delta
            case Used():
                self._usage = delta.usage
            case Failed():
                self._fail(delta)
            case Closed():
                self._finish()

    def _begin(self, id_: str = "", model: str = "") -> None:
        if self._begun:
            return
        self._begun = True
        message = message_of(id_ or self._asked.fallback_id, model or self._asked.model)
        message["usage"] = whole_usage(self._usage)
        self._tier = message["usage"]["service_tier"]
        self._event("message_start", {"message": message})

    def _say(self, text: str) -> None:
        if self._open != "text":
            self._show("text")
        self._out.append(_TEXT % (self._blocks - 1, _encode(text)))

    def _show(self, kind: str) -> None:
        """Have a block of text or thinking open."""
        if self._open != kind:
            self._close()
            self._begin_block(_EMPTY_TEXT if kind == "text" else _EMPTY_THINKING)
            self._open = kind

    def _begin_block(self, block: bytes) -> int:
        self._begin()
        index = self._blocks
        self._blocks += 1
        self._out.append(_BLOCK_START % (index, block))
        return index

    def _add_block(self, block: bytes) -> None:
        self._close()
        self._out.append(_BLOCK_STOP % self._begin_block(block))

    def _close(self) -> None:
        """End all blocks but tool uses that are not whole yet: more of those may come behind others."""
        if self._open:
            self._out.append(_BLOCK_STOP % (self._blocks - 1))
            self._open = ""
        if self._tools:
            self._close_tools([index for index, tool in self._tools.items() if are_whole(tool.arguments)])

    def _close_tools(self, indexes: Iterable[int]) -> None:
        for index in list(indexes):
            self._out.append(_BLOCK_STOP % self._tools.pop(index).index)

    def _begin_tool(self, delta: ToolStarted) -> None:
        for block in seal_block(delta.signature):
            self._add_block(_encode(block))
        self._close()
        self._tools[delta.index] = _Tool(self._begin_block(_encode(tool_block(delta.id, delta.name))))

    def _add_input(self, delta: ToolDelta) -> None:
        tool = self._tools.get(delta.index)
        if tool is not None and delta.arguments:
            tool.arguments.append(delta.arguments)
            self._out.append(_INPUT % (tool.index, _encode(delta.arguments)))

    def _seal(self, delta: Sealed) -> None:
        """For the thinking that is open; a seal of another format without any is for what comes next."""
        if delta.redacted is not None:
            self._add_block(_encode(thinking_block(Thinking(redacted=delta.redacted, format=delta.format))))
        elif delta.signature:
            ahead = self._open != "thinking" and delta.format not in FAMILY
            place = AHEAD if ahead else HERE
            self._show("thinking")
            signature = carried(Seal(delta.format, delta.signature, place))
            self._out.append(_SIGNATURE % (self._blocks - 1, _encode(signature)))
            self._close()

    def _cite(self, delta: Cited) -> None:
        written = citation(delta.citation)
        if written is None:
            self.losses.drop(CITATION)
        else:
            self._show("text")
            self._out.append(_CITATION % (self._blocks - 1, _encode(written)))

    def _fail(self, delta: Failed) -> None:
        problem = Problem(delta.status, delta.message, type="", code=None, param=None, request_id="")
        self._out.append(error_event(problem))
        self._over = True

    def _finish(self) -> None:
        self._begin()
        self._close()
        self._close_tools(self._tools)
        finish = self._end.finish if self._end is not None else Finish.STOP
        if self._refused and finish is Finish.STOP:
            finish = Finish.REFUSED
        if self._tier is None and self._usage is not None:
            lose_tier(self._usage.service_tier, self.losses)  # only the first event has a place for it
        delta = {
            "stop_reason": STOP_REASON_OF[finish],
            "stop_sequence": self._end and self._end.stop_sequence,
            "stop_details": None,
            "container": None,
        }
        self._event("message_delta", {"delta": delta, "usage": usage_so_far(self._usage)})
        self._out.append(_MESSAGE_STOP)
        self._over = True

    def _event(self, name: str, members: dict[str, Any]) -> None:
        self._out.append(b"event: %b\ndata: %b\n\n" % (name.encode(), _encode({"type": name, **members})))
