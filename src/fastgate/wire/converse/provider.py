"""The half of Converse towards providers."""

from typing import Any, Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.converse.frames import FrameSplitter, payload_in
from fastgate.wire.converse.reply_reader import BESIDE, read_answer, summary
from fastgate.wire.converse.request_writer import write_request
from fastgate.wire.converse.stream_reader import ConverseStreamReader
from fastgate.wire.interface import Losses, Request, Summary, Target, expect


class ConverseProvider:
    """As `ProviderFormat`."""

    format: Final = Format.CONVERSE
    beside: Final = BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        return write_request(expect(request, Conversation), target, losses)

    def read_answer(self, body: bytes) -> Reply:
        return read_answer(body)

    def stream_reader(self) -> ConverseStreamReader:
        return ConverseStreamReader()

    def splitter(self, limit: int) -> FrameSplitter:
        return FrameSplitter(limit)

    def summary(self, body: bytes) -> Summary:
        return summary(body)

    def json_in(self, event: bytes) -> bytes:
        return payload_in(event)
