"""Streams for clients of ConverseStream.

Blocks are numbered and follow each other, and only tool uses have an event that starts them. So while the
arguments of a tool use are incomplete, whatever else comes waits for their end.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.domain.conversation import Image
from fastgate.domain.format import Format
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
from fastgate.wire.converse import media
from fastgate.wire.converse.block_writer import blob, tool_id, write_citation
from fastgate.wire.converse.exceptions import write_failure
from fastgate.wire.converse.finish import STOP_REASON_OF
from fastgate.wire.converse.frames import frame
from fastgate.wire.converse.usage import write_tier, write_usage
from fastgate.wire.interface import Losses, Problem
from fastgate.wire.lost import CHOICES, LOGPROBS, described, lose_delta, lose_tier
from fastgate.wire.messages.seal import FAMILY, carried
from fastgate.wire.seals import AHEAD, HERE, Seal
from fastgate.wire.tools import are_whole

_TEXT: Final = -1
_THINKING: Final = -2
_FOREIGN: Final = -3


class _Event(msgspec.Struct):
    """Of a block that Converse alone knows."""

    contentBlockIndex: int | None = None
    start: msgspec.Raw = msgspec.Raw()
    delta: msgspec.Raw = msgspec.Raw()


_events: Final = msgspec.json.Decoder(_Event)
_encode: Final = msgspec.json.Encoder().encode


class ConverseStreamWriter:
    """As `wire.interface.StreamWriter`. The last two events wait for the usage, and come in any case: without
    them a client takes the stream for a broken one."""

    def __init__(self) -> None:
        self.losses = Losses()
        self._begun = self._over = self._refused = False
        self._open: int | None = None  # _TEXT, _THINKING, _FOREIGN, or the index of a tool use
        self._foreign: int | None = None  # the provider's number of the open block that is _FOREIGN
        self._block = -1
        self._sealed = False
        self._arguments: list[str] = []
        self._waiting: list[Delta] = []
        self._end: Ended | None = None
        self._usage: Usage | None = None

    def write(self, deltas: Sequence[Delta]) -> bytes:
        if len(deltas) == 1:
            return self._write(deltas[0])
        return b"".join(map(self._write, deltas))

    def end(self) -> bytes:
        if self._over:
            return b""
        content = self._start() + self._release(for_good=True)
        self._over = True
        finish = Finish.STOP if self._end is None else self._end.finish
        if self._refused and finish is Finish.STOP:
            finish = Finish.REFUSED
        stop: dict[str, object] = {"stopReason": STOP_REASON_OF[finish]}
        if self._end is not None and self._end.stop_sequence is not None:
            stop["additionalModelResponseFields"] = {"stop_sequence": self._end.stop_sequence}
        tier = self._usage.service_tier if self._usage else None
        served = write_tier(tier)
        if not served:
            lose_tier(tier, self.losses)
        metadata: dict[str, object] = {
            "usage": write_usage(self._usage),
            "metrics": {"latencyMs": 0},  # required, and how long the model took is not known
            **served,
        }
        return content + frame("messageStop", _encode(stop)) + frame("metadata", _encode(metadata))

    def failure(self, problem: Problem) -> bytes:
        if self._over:
            return b""
        self._over = True
        return write_failure(problem)

    def _write(self, delta: Delta) -> bytes:
        if self._over:
            return b""
        if getattr(delta, "choice", 0):
            self.losses.drop(CHOICES)
            return b""
        if isinstance(delta, TextDelta) and delta.logprobs is not None:
            self.losses.drop(LOGPROBS)
        match delta:
            case TextDelta() if self._open == _TEXT:  # nearly all are
                return self._say(delta.text)
            case Started():
                self._usage = delta.usage or self._usage
                return self._start()
            case Used():
                self._usage = delta.usage
            case Ended():
                self._end = delta
            case Failed():
                return self.failure(Problem(delta.status, delta.message, "", None, None, ""))
            case Closed():
                return self.end()
            case _:
                return self._content(delta)
        return b""

    def _content(self, delta: Delta) -> bytes:
        if self._open is not None and self._open >= 0:
            if isinstance(delta, ToolDelta) and delta.index == self._open:
                return self._add_input(delta.arguments)
            if self._waiting or not are_whole(self._arguments):
                self._waiting.append(delta)
                return b""
        match delta:
            case TextDelta(text=text):
                return self._say(text)
            case RefusalDelta(text=text):
                self._refused = True
                return self._say(text)
            case ThinkingDelta(text=text) if text:
                return self._thought() + self._delta(b'{"reasoningContent":{"text":%b}}' % _encode(text))
            case ToolStarted():
                return self._begin_tool(delta)
            case Sealed():
                return self._seal(delta)
            case Cited():
                citation = _encode(write_citation(delta.citation))
                return self._show(_TEXT) + self._delta(b'{"citation":%b}' % citation)
            case ImageDelta():
                return self._picture(delta.image)
            case ForeignDelta():
                return self._carry(delta)
            case _:
                return b""  # arguments of a call that was whole

    def _carry(self, delta: ForeignDelta) -> bytes:
        """An event of Converse's own, with the block's number in this stream."""
        said = _events.decode(delta.raw) if delta.format is Format.CONVERSE else _Event()
        if said.contentBlockIndex is None:
            lose_delta(delta, self.losses)
            return b""
        before = b""
        if self._open != _FOREIGN or self._foreign != said.contentBlockIndex:
            before = self._start() + self._close() + self._show(_FOREIGN)
            self._foreign = said.contentBlockIndex
        if not bytes(said.start):
            return before + self._delta(bytes(said.delta))
        start = b'{"contentBlockIndex":%d,"start":%b}' % (self._block, bytes(said.start))
        return before + frame("contentBlockStart", start)

    def _release(self, *, for_good: bool = False) -> bytes:
        """Write what has waited for the tool use, where that is whole now; `for_good`: all, and close."""
        out = b""
        while self._waiting and (for_good or are_whole(self._arguments)):
            waiting, self._waiting = self._waiting, []
            out += self._close()
            out += b"".join(map(self._content, waiting))
        return out + self._close() if for_good else out

    def _start(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return frame("messageStart", b'{"role":"assistant"}')

    def _show(self, kind: int) -> bytes:
        """Have a block of this kind open."""
        if self._open == kind:
            return b""
        before = self._start() + self._close()
        self._open = kind
        self._block += 1
        return before

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        out = b""
        if self._open >= 0 and not self._arguments:
            out = self._delta(b'{"toolUse":{"input":"{}"}}')
        self._open = None
        self._sealed = False
        self._arguments = []
        return out + frame("contentBlockStop", b'{"contentBlockIndex":%d}' % self._block)

    def _delta(self, delta: bytes) -> bytes:
        return frame("contentBlockDelta", b'{"contentBlockIndex":%d,"delta":%b}' % (self._block, delta))

    def _say(self, text: str) -> bytes:
        if not text:
            return b""
        before = b"" if self._open == _TEXT else self._show(_TEXT)
        return before + self._delta(b'{"text":%b}' % _encode(text))

    def _picture(self, image: Image) -> bytes:
        """A block of its own; in words where it has no place in one."""
        before = self._start() + self._close()
        written = media.written(image.source, media.IMAGE)
        if written is None:
            return before + self._say(described(image, self.losses)) + self._close()
        self._block += 1
        at = self._block
        start = _encode({"contentBlockIndex": at, "start": {"image": {"format": written["format"]}}})
        return (
            before
            + frame("contentBlockStart", start)
            + self._delta(b'{"image":{"source":%b}}' % _encode(written["source"]))
            + frame("contentBlockStop", b'{"contentBlockIndex":%d}' % at)
        )

    def _thought(self) -> bytes:
        """A sealed block is whole: what is thought then belongs into the next."""
        before = self._close() if self._open == _THINKING and self._sealed else b""
        return before + self._show(_THINKING)

    def _seal(self, delta: Sealed) -> bytes:
        """For the thinking that is open; one that is not Claude's, without any, is for what comes next."""
        if delta.redacted is not None:
            before = self._close() if self._open == _THINKING else b""
            before += self._show(_THINKING)
            self._sealed = True
            redacted = _encode(blob(delta.format, delta.redacted))
            return before + self._delta(b'{"reasoningContent":{"redactedContent":%b}}' % redacted)
        if not delta.signature:
            return b""
        ahead = self._open != _THINKING and delta.format not in FAMILY
        place = AHEAD if ahead else HERE
        return self._sign(carried(Seal(delta.format, delta.signature, place)))

    def _sign(self, signature: str) -> bytes:
        before = self._thought()
        self._sealed = True
        return before + self._delta(b'{"reasoningContent":{"signature":%b}}' % _encode(signature))

    def _begin_tool(self, delta: ToolStarted) -> bytes:
        before = b""
        if delta.signature is not None:
            before = self._sign(carried(Seal(Format.GENERATE_CONTENT, delta.signature, place=AHEAD)))
        before += self._close() + self._show(delta.index)
        start = _encode({"toolUse": {"toolUseId": tool_id(delta.id), "name": delta.name}})
        return before + frame(
            "contentBlockStart", b'{"contentBlockIndex":%d,"start":%b}' % (self._block, start)
        )

    def _add_input(self, arguments: str) -> bytes:
        if not arguments:
            return b""
        self._arguments.append(arguments)
        written = self._delta(b'{"toolUse":{"input":%b}}' % _encode(arguments))
        return written + self._release() if self._waiting else written
