"""The half of the Messages API towards providers."""

from typing import Any, Final

from fastgate._core.sse import EventSplitter, event_data
from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.interface import Losses, Request, Summary, Target, expect
from fastgate.wire.messages.reply_reader import BESIDE, read_answer, summary
from fastgate.wire.messages.request_writer import write_request
from fastgate.wire.messages.stream_reader import StreamReader


class MessagesProvider:
    """As `ProviderFormat`."""

    format: Format = Format.MESSAGES
    beside: Final = BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        return write_request(expect(request, Conversation), target, losses, self.format)

    def read_answer(self, body: bytes) -> Reply:
        return read_answer(body, self.format)

    def stream_reader(self) -> StreamReader:
        return StreamReader(self.format)

    def splitter(self, limit: int) -> EventSplitter:
        return EventSplitter((), limit)

    def summary(self, body: bytes) -> Summary:
        return summary(body)

    def json_in(self, event: bytes) -> bytes:
        return event_data(event)
