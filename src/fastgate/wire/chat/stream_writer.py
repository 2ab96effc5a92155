"""A stream, written for a client of chat completions."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Thinking
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
from fastgate.wire.chat.finish import reason_of
from fastgate.wire.chat.reply_writer import annotation_of, image_of
from fastgate.wire.chat.request_reader import FunctionConversation
from fastgate.wire.chat.thinking_blocks import Block, block_of
from fastgate.wire.chat.usage import tier_of, write_usage
from fastgate.wire.interface import Asked, Losses, Problem
from fastgate.wire.lost import CITATION, IMAGE, STOP_SEQUENCE, lose_delta, lose_tier
from fastgate.wire.messages.seal import FAMILY, carried
from fastgate.wire.openai import DONE, error_event
from fastgate.wire.seals import AHEAD, Seal

_OfChoice = ThinkingDelta | Sealed | RefusalDelta | ImageDelta | ToolStarted | ToolDelta | Cited | Ended

_encode: Final = msgspec.json.Encoder().encode
_DELTA: Final = b'{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":null}'
_ROLE: Final = b'{"role":"assistant","content":"","refusal":null}'
_ARGUMENTS: Final = b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}'
_INPUT: Final = b'{"tool_calls":[{"index":%d,"custom":{"input":%b}}]}'
_CALL_ARGUMENTS: Final = b'{"function_call":{"arguments":%b}}'


class _Choice:
    """What was said of a choice. `empty` are the calls of functions that have no arguments yet."""

    __slots__ = ("called", "custom", "empty", "ended", "length", "refused", "thought")

    def __init__(self) -> None:
        self.thought: list[str] = []
        """Since the last seal."""
        self.length = 0
        self.custom: set[int] = set()
        self.empty: set[int] = set()
        self.called = False
        self.refused = False
        self.ended = False


class ChatStreamWriter:
    """As `StreamWriter`. Begins each choice with its role, and ends each with a reason, whatever came."""

    def __init__(self, asked: Asked) -> None:
        self.losses = Losses()
        self._asked = asked
        self._function = isinstance(asked.request, FunctionConversation)
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None
        self._head = b""
        self._over = False
        self._name(Started("", ""))

    def write(self, deltas: Sequence[Delta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            if isinstance(delta, TextDelta):
                choice = self._choices.get(delta.choice) or self._begin(delta.choice, out)
                choice.length += len(delta.text)
                logprobs = b"null" if delta.logprobs is None else bytes(delta.logprobs)
                said = b'{"content":%b}' % _encode(delta.text)
                out.append(self._chunk(_DELTA % (delta.choice, said, logprobs)))
            else:
                self._write(delta, out)
        return b"".join(out)

    def end(self) -> bytes:
        if self._over:
            return b""
        self._over = True
        out: list[bytes] = []
        if not self._choices:
            self._begin(0, out)
        for index, choice in self._choices.items():
            if not choice.ended:
                self._end(index, choice, Finish.TOOL_USE if choice.called else Finish.STOP, out)
        if self._usage is not None and self._asked.include_usage:
            tier = tier_of(self._usage.service_tier)
            if tier is None:
                lose_tier(self._usage.service_tier, self.losses)
            served = b"" if tier is None else b',"service_tier":%b' % _encode(tier)
            out.append(b'%b],"usage":%b%b}\n\n' % (self._head, _encode(write_usage(self._usage)), served))
        out.append(DONE)
        return b"".join(out)

    def failure(self, problem: Problem) -> bytes:
        if self._over:
            return b""
        self._over = True
        return error_event(problem.message, problem.type, problem.code, problem.param)

    def _name(self, started: Started) -> None:
        """Who answers: in front of every chunk."""
        asked = self._asked
        head = {
            "id": started.id or asked.fallback_id,
            "object": "chat.completion.chunk",
            "created": asked.created_s,
            "model": started.model or asked.model,
        }
        if started.fingerprint is not None:
            head["system_fingerprint"] = started.fingerprint
        self._head = b'data: %b,"choices":[' % _encode(head)[:-1]

    def _chunk(self, choice: bytes) -> bytes:
        return b"%b%b]}\n\n" % (self._head, choice)

    def _begin(self, index: int, out: list[bytes]) -> _Choice:
        choice = self._choices[index] = _Choice()
        if not self._asked.continues:
            out.append(self._chunk(_DELTA % (index, _ROLE, b"null")))
        return choice

    def _say(self, index: int, delta: bytes, out: list[bytes]) -> None:
        out.append(self._chunk(_DELTA % (index, delta, b"null")))

    def _write(
        self, delta: _OfChoice | Started | Used | Closed | Failed | ForeignDelta, out: list[bytes]
    ) -> None:
        match delta:
            case Started():
                self._name(delta)
            case Used():
                self._usage = delta.usage
            case Closed() | Failed():
                pass  # what follows is said by `end` and `failure`
            case ForeignDelta():
                if delta.format is Format.CHAT:
                    if 0 not in self._choices:
                        self._begin(0, out)
                    self._say(0, b"{%b:%b}" % (_encode(delta.kind), bytes(delta.raw)), out)
                else:
                    lose_delta(delta, self.losses)
            case _:
                choice = self._choices.get(delta.choice) or self._begin(delta.choice, out)
                self._write_of(choice, delta, out)

    def _write_of(self, choice: _Choice, delta: _OfChoice, out: list[bytes]) -> None:
        index = delta.choice
        match delta:
            case ToolStarted() | ToolDelta() if self._function and delta.index:
                lose_delta(delta, self.losses)  # there is room for one call
            case ToolDelta():
                if delta.arguments:
                    choice.empty.discard(delta.index)
                    self._say(index, self._arguments(choice, delta), out)
            case ThinkingDelta():
                choice.thought.append(delta.text)
                self._say(index, b'{"reasoning_content":%b}' % _encode(delta.text), out)
            case ToolStarted():
                choice.called = True
                (choice.custom if delta.custom else choice.empty).add(delta.index)
                self._say(index, _encode(self._call(delta)), out)
            case RefusalDelta():
                choice.refused = True
                self._say(index, b'{"refusal":%b}' % _encode(delta.text), out)
            case ImageDelta():
                image = image_of(delta.image)
                if image is None:
                    self.losses.drop(IMAGE)
                else:
                    self._say(index, _encode({"images": [image]}), out)
            case Sealed():
                self._say(index, _encode({"thinking_blocks": [_block(choice, delta)]}), out)
            case Cited():
                annotation = annotation_of(delta.citation, choice.length, choice.length)
                if annotation is None:
                    self.losses.drop(CITATION)
                else:
                    self._say(index, _encode({"annotations": [annotation]}), out)
            case Ended():
                if delta.stop_sequence is not None:
                    self.losses.drop(STOP_SEQUENCE)
                if not choice.ended:
                    self._end(index, choice, delta.finish, out)

    def _call(self, delta: ToolStarted) -> dict[str, Any]:
        if self._function:
            return {"function_call": {"name": delta.name, "arguments": ""}}
        call: dict[str, Any] = {"index": delta.index, "id": delta.id}
        if delta.custom:
            # Without `type`: the SDK's types know none but `function` in a stream.
            call["custom"] = {"name": delta.name, "input": ""}
        else:
            call["type"] = "function"
            call["function"] = {"name": delta.name, "arguments": ""}
        if delta.signature is not None:
            call["extra_content"] = {"google": {"thought_signature": delta.signature}}
        return {"tool_calls": [call]}

    def _arguments(self, choice: _Choice, delta: ToolDelta) -> bytes:
        said = _encode(delta.arguments)
        if self._function:
            return _CALL_ARGUMENTS % said
        return (_INPUT if delta.index in choice.custom else _ARGUMENTS) % (delta.index, said)

    def _end(self, index: int, choice: _Choice, finish: Finish, out: list[bytes]) -> None:
        for call in sorted(choice.empty):
            self._say(index, self._arguments(choice, ToolDelta(call, "{}", index)), out)
        choice.empty.clear()
        choice.ended = True
        reason = reason_of(finish, refused=choice.refused, function=self._function)
        out.append(
            self._chunk(
                b'{"index":%d,"delta":{},"logprobs":null,"finish_reason":"%b"}' % (index, reason.encode())
            )
        )


def _block(choice: _Choice, delta: Sealed) -> Block:
    """The whole block: what its thinking came as is one again only here. A seal of another vendor's without
    any is for what comes next."""
    if delta.signature is None:
        thinking = Thinking(redacted=delta.redacted or "", format=delta.format)
    else:
        thinking = Thinking(text="".join(choice.thought), signature=delta.signature, format=delta.format)
        if not choice.thought and delta.format not in FAMILY:
            ahead = carried(Seal(delta.format, delta.signature, place=AHEAD))
            return {"type": "thinking", "thinking": "", "signature": ahead}
        choice.thought.clear()
    block = block_of(thinking)
    assert block is not None
    return block
