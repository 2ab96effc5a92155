"""What the readers of OpenAI's streams share: only events with a marker are read, all pass through."""

from fastgate._core.sse import EventSplitter
from fastgate.wire import openai_text as text


class MarkedStream:
    """Implements the part of `StreamDecoder` that does not depend on the endpoint."""

    reads_all: bool = False
    markers: tuple[bytes, ...] = ()

    def splitter(self, limit: int) -> EventSplitter:
        return EventSplitter(self.markers, limit)

    def sent_for(self, event: bytes) -> bytes:
        return event

    def text_in(self, event: bytes) -> str:
        return text.delta_text(event)
