"""A stream, written for a client of completions."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    ImageDelta,
    RefusalDelta,
    Started,
    TextDelta,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.chat.usage import write_usage
from fastgate.wire.completions.logprobs import legacy_logprobs
from fastgate.wire.completions.reply_writer import completion_reason
from fastgate.wire.interface import Asked, Losses, Problem
from fastgate.wire.lost import CITATION, STOP_SEQUENCE, described, lose_delta, lose_tier
from fastgate.wire.openai import DONE, error_event

_encode: Final = msgspec.json.Encoder().encode


class CompletionStreamWriter:
    """As `StreamWriter`."""

    def __init__(self, asked: Asked) -> None:
        self.losses = Losses()
        self._asked = asked
        self._usage: Usage | None = None
        self._offsets: dict[int, int] = {}
        """How much text there is of each choice that has begun."""
        self._ended: set[int] = set()
        self._over = False
        self._head = b""
        self._name(Started("", ""))

    def write(self, deltas: Sequence[Delta]) -> bytes:
        out: list[bytes] = []
        for delta in deltas:
            match delta:
                case TextDelta():
                    out.append(self._text(delta.choice, delta.text, delta.logprobs))
                case RefusalDelta():
                    out.append(self._text(delta.choice, delta.text, None))
                case ImageDelta():
                    out.append(self._text(delta.choice, described(delta.image, self.losses), None))
                case Ended():
                    if delta.stop_sequence is not None:
                        self.losses.drop(STOP_SEQUENCE)
                    out.append(self._end(delta.choice, delta.finish))
                case Started():
                    self._name(delta)
                case Used():
                    self._usage = delta.usage
                    lose_tier(delta.usage.service_tier, self.losses)
                case Cited():
                    self.losses.drop(CITATION)
                case Closed() | Failed():
                    pass  # what follows is said by `end` and `failure`
                case _:
                    lose_delta(delta, self.losses)
        return b"".join(out)

    def end(self) -> bytes:
        if self._over:
            return b""
        self._over = True
        out = [self._end(index, Finish.STOP) for index in self._offsets or {0: 0}]
        if self._usage is not None and self._asked.include_usage:
            out.append(b'%b],"usage":%b}\n\n' % (self._head, _encode(write_usage(self._usage))))
        out.append(DONE)
        return b"".join(out)

    def failure(self, problem: Problem) -> bytes:
        if self._over:
            return b""
        self._over = True
        return error_event(problem.message, problem.type, problem.code, problem.param)

    def _name(self, started: Started) -> None:
        asked = self._asked
        head = {
            "id": started.id or asked.fallback_id,
            "object": "text_completion",
            "created": asked.created_s,
            "model": started.model or asked.model,
        }
        if started.fingerprint is not None:
            head["system_fingerprint"] = started.fingerprint
        self._head = b'data: %b,"choices":[' % _encode(head)[:-1]

    def _text(self, index: int, text: str, logprobs: msgspec.Raw | None) -> bytes:
        offset = self._offsets.get(index, 0)
        self._offsets[index] = offset + len(text)
        said = b"null" if logprobs is None else _encode(legacy_logprobs(logprobs, offset))
        return b'%b{"text":%b,"index":%d,"logprobs":%b,"finish_reason":null}]}\n\n' % (
            self._head,
            _encode(text),
            index,
            said,
        )

    def _end(self, index: int, finish: Finish) -> bytes:
        """Once a choice."""
        if index in self._ended:
            return b""
        self._ended.add(index)
        return b'%b{"text":"","index":%d,"logprobs":null,"finish_reason":"%b"}]}\n\n' % (
            self._head,
            index,
            completion_reason(finish).encode(),
        )
