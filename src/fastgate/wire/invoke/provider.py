"""The half of InvokeModel towards Bedrock."""

from typing import Any, Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.converse.frames import FrameSplitter, read_frame
from fastgate.wire.interface import Losses, Request, Summary, Target, expect
from fastgate.wire.invoke.stream_reader import InvokeStreamReader, event_in
from fastgate.wire.invoke.summary import BESIDE, summary
from fastgate.wire.messages.hosted import Host, hosted
from fastgate.wire.messages.reply_reader import read_answer
from fastgate.wire.messages.request_writer import write_request


class InvokeProvider:
    """As `ProviderFormat`."""

    format: Final = Format.INVOKE
    beside: Final = BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        members = write_request(expect(request, Conversation), target, losses, self.format)
        hosted(members, Host.BEDROCK)
        return members

    def read_answer(self, body: bytes) -> Reply:
        return read_answer(body, self.format)

    def stream_reader(self) -> InvokeStreamReader:
        return InvokeStreamReader()

    def splitter(self, limit: int) -> FrameSplitter:
        return FrameSplitter(limit)

    def summary(self, body: bytes) -> Summary:
        return summary(body)

    def json_in(self, event: bytes) -> bytes:
        return event_in(read_frame(event)) or b""
