"""The half of Converse towards clients."""

from typing import Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.converse.exceptions import write_problem
from fastgate.wire.converse.frames import STREAM_TYPE
from fastgate.wire.converse.reply_writer import write_answer
from fastgate.wire.converse.request_reader import read_request
from fastgate.wire.converse.stream_writer import ConverseStreamWriter
from fastgate.wire.converse.text import text_in
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, expect


class ConverseClient:
    """As `ClientFormat`."""

    format: Final = Format.CONVERSE
    stream_type: Final = STREAM_TYPE
    takes_comments: Final = False

    def read_request(self, body: bytes, path_model: str | None) -> Conversation:
        return read_request(body)

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        return write_answer(expect(answer, Reply), losses)

    def stream_writer(self, asked: Asked) -> ConverseStreamWriter:
        return ConverseStreamWriter()

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return write_problem(problem)

    def text(self, body: bytes) -> str:
        return text_in(body)
