"""The halves of chat completions towards a provider."""

from typing import Any, Final

from fastgate._core.sse import EventSplitter, event_data
from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.chat.answer_shapes import BESIDE, answers
from fastgate.wire.chat.reply_reader import read_answer
from fastgate.wire.chat.request_writer import write_request
from fastgate.wire.chat.stream_reader import ChatStreamReader
from fastgate.wire.interface import Losses, Request, Splitter, StreamReader, Summary, Target, expect
from fastgate.wire.lenient import UNREADABLE
from fastgate.wire.openai_errors import error_in
from fastgate.wire.openai_usage import usage_of


class ChatProvider:
    """As `ProviderFormat`."""

    format: Format = Format.CHAT
    beside: Final = BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        return write_request(expect(request, Conversation), target, losses)

    def read_answer(self, body: bytes) -> Reply:
        return read_answer(body)

    def stream_reader(self) -> StreamReader:
        return ChatStreamReader()

    def splitter(self, limit: int) -> Splitter:
        return EventSplitter((), limit)

    def summary(self, body: bytes) -> Summary:
        error = error_in(body)
        if error is not None:
            return Summary(None, None, error.status, error.message)
        try:
            answer = answers.decode(body)
        except UNREADABLE:
            return Summary(None, None)  # the client may understand what the gateway does not
        return Summary(usage_of(answer.usage, answer.service_tier), answer.id)

    def json_in(self, event: bytes) -> bytes:
        return event_data(event)


PROVIDER: Final = ChatProvider()
