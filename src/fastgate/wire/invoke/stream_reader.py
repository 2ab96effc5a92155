"""A stream of InvokeModelWithResponseStream: chunks, each with one event of the model's own in base64."""

from binascii import a2b_base64
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec

from fastgate.domain.format import Format
from fastgate.domain.reply import Delta, Failed, ForeignDelta, Used
from fastgate.domain.usage import Usage
from fastgate.wire.converse.exceptions import failure_in
from fastgate.wire.converse.frames import Frame, read_frame
from fastgate.wire.converse.usage import MAX_TOKENS
from fastgate.wire.lenient import count
from fastgate.wire.messages.stream_reader import EventReader

_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]


class _Chunk(msgspec.Struct):
    bytes: str = ""


class _Metrics(msgspec.Struct):
    inputTokenCount: _Count = 0
    outputTokenCount: _Count = 0


class _Event(msgspec.Struct, rename={"metrics": "amazon-bedrock-invocationMetrics"}):
    """Events of Claude have a type. Bedrock adds the metrics to the last event of any model."""

    type: str | None = None
    metrics: _Metrics | None = None


_WRITTEN: Final = frozenset({"generation", "text", "outputText", "content", "reasoning_content"})
"""What the families of models call a piece of their text. Source: Amazon's pages on each."""

_chunks: Final = msgspec.json.Decoder(_Chunk)
_events: Final = msgspec.json.Decoder(_Event)


class InvokeStreamReader:
    """As `wire.interface.StreamReader`; an event is a frame."""

    def __init__(self) -> None:
        self._claude = EventReader(Format.INVOKE)
        self._other = False

    def complete(self) -> bool:
        """Of another model's stream it is not known how it ends."""
        return self._other or self._claude.complete()

    def read(self, event: bytes) -> Sequence[Delta]:
        try:
            frame = read_frame(event)
            if frame.kind != "event":
                return (failure_in(frame),)
            data = event_in(frame)
            if data is None:
                return ()
            if data.startswith(b'{"type":"'):
                return self._claude.read(data)
            said = _events.decode(data)
            text = _text_in(msgspec.json.decode(data)) if said.type is None else ""
        except (ValueError, RecursionError):
            return (Failed(502, "The provider sent a malformed event."),)
        if said.type is not None:
            return self._claude.read(data)
        self._other = True
        content = ForeignDelta(format=Format.INVOKE, kind="chunk", raw=msgspec.Raw(data), text=text)
        metrics = said.metrics
        if metrics is None:
            return (content,)
        usage = Usage(
            input_tokens=count(metrics.inputTokenCount), output_tokens=count(metrics.outputTokenCount)
        )
        return (content, Used(usage))


def event_in(frame: Frame) -> bytes | None:
    """The model's own event; None: it has none. ValueError."""
    return a2b_base64(_chunks.decode(frame.payload).bytes) if frame.name == "chunk" else None


def _text_in(chunk: Any) -> str:
    found: list[str] = []
    left = [chunk]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            found += [each for name, each in value.items() if name in _WRITTEN and isinstance(each, str)]
            left += value.values()
        elif isinstance(value, list):
            left += value
    return "".join(found)
