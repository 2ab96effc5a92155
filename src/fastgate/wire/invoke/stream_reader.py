"""A stream of InvokeModelWithResponseStream: chunks, each with one event of the model's own in base64."""

from binascii import a2b_base64
from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.domain.format import Format
from fastgate.domain.reply import Delta, Failed, ForeignDelta, Used
from fastgate.domain.usage import Usage
from fastgate.wire.converse.exceptions import failure_in
from fastgate.wire.converse.frames import read_frame
from fastgate.wire.messages.stream_reader import EventReader

# In base64 nothing can be seen of an event, so each chunk has to be read.
MARKERS: Final = (b"chunk", b"exception", b"error")


class _Chunk(msgspec.Struct):
    bytes: str = ""


class _Metrics(msgspec.Struct):
    inputTokenCount: int = 0
    outputTokenCount: int = 0


class _Event(msgspec.Struct, rename={"metrics": "amazon-bedrock-invocationMetrics"}):
    """Events of Claude have a type. Bedrock adds the metrics to the last event of any model."""

    type: str | None = None
    metrics: _Metrics | None = None


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
            if frame.name != "chunk":
                return ()
            data = a2b_base64(_chunks.decode(frame.payload).bytes)
            if data.startswith(b'{"type":"'):
                return self._claude.read(data)
            said = _events.decode(data)
        except (ValueError, RecursionError):
            return (Failed(502, "The provider sent a malformed event."),)
        return self._claude.read(data) if said.type is not None else self._read_other(data, said.metrics)

    def _read_other(self, data: bytes, metrics: _Metrics | None) -> Sequence[Delta]:
        self._other = True
        content = ForeignDelta(format=Format.INVOKE, kind="chunk", raw=msgspec.Raw(data))
        if metrics is None:
            return (content,)
        usage = Usage(input_tokens=metrics.inputTokenCount, output_tokens=metrics.outputTokenCount)
        return (content, Used(usage))
