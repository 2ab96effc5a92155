"""The half of Converse towards providers."""

from typing import Any, Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.converse.frames import FrameSplitter
from fastgate.wire.converse.reply_reader import read_answer, summary
from fastgate.wire.converse.request_writer import write_request
from fastgate.wire.converse.stream_reader import MARKERS, ConverseStreamReader
from fastgate.wire.interface import Losses, Request, Summary, Target


class ConverseProvider:
    """As `ProviderFormat`."""

    format: Final = Format.CONVERSE
    markers: Final = MARKERS

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        assert isinstance(request, Conversation)
        return write_request(request, target, losses)

    def read_answer(self, body: bytes) -> Reply:
        return read_answer(body)

    def stream_reader(self) -> ConverseStreamReader:
        return ConverseStreamReader()

    def splitter(self, markers: tuple[bytes, ...], limit: int) -> FrameSplitter:
        return FrameSplitter(markers, limit)

    def summary(self, body: bytes) -> Summary:
        return summary(body)
