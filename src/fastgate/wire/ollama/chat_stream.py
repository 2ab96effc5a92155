"""Streams of Ollama's chat: a line each, of the shape of a whole answer."""

from collections.abc import Sequence
from typing import Final

from fastgate.domain.reply import (
    Closed,
    Delta,
    Ended,
    Failed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.wire.call_ids import new_call_id
from fastgate.wire.lenient import UNREADABLE
from fastgate.wire.ollama.logprobs import chat_logprobs
from fastgate.wire.ollama.shapes import ChatLine, Message, arguments_of, chat_lines

_NOTHING: Final[tuple[Delta, ...]] = ()


class ChatStreamReader:
    """Reads one stream."""

    def __init__(self) -> None:
        self._started = False
        self._calls = 0
        self._complete = False

    def read(self, event: bytes) -> Sequence[Delta]:
        if not event.strip():
            return _NOTHING
        try:
            line = chat_lines.decode(event)
            deltas = self._deltas(line)
        except UNREADABLE:
            return (Failed(502, "The provider's stream has a line that cannot be read."),)
        return deltas

    def complete(self) -> bool:
        return self._complete

    def _deltas(self, line: ChatLine) -> Sequence[Delta]:
        if line.error is not None:
            return (Failed(500, line.error),)
        deltas: list[Delta] = []
        if not self._started:
            self._started = True
            deltas.append(Started("", line.model or ""))
        if line.message is not None:
            self._take(line, line.message, deltas)
        if line.done:
            self._complete = True
            usage = line.usage()
            if usage is not None:
                deltas.append(Used(usage))
            deltas += (Ended(line.finish(called=self._calls > 0)), Closed())
        return deltas

    def _take(self, line: ChatLine, message: Message, deltas: list[Delta]) -> None:
        if message.thinking:
            deltas.append(ThinkingDelta(message.thinking))
        if message.content:
            deltas.append(TextDelta(message.content, 0, chat_logprobs(line.logprobs)))
        for call in message.tool_calls or ():
            function = call.function
            id_ = call.id or new_call_id()
            deltas += (
                ToolStarted(index=self._calls, id=id_, name=function.name),
                ToolDelta(self._calls, arguments_of(function)),
            )
            self._calls += 1
