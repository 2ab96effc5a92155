"""The half of InvokeModel towards clients."""

from typing import Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.converse.exceptions import write_problem
from fastgate.wire.converse.frames import STREAM_TYPE
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, expect
from fastgate.wire.invoke.stream_writer import InvokeStreamWriter
from fastgate.wire.messages.reply_writer import write_answer
from fastgate.wire.messages.request_reader import read_request
from fastgate.wire.messages.text import text_in


class InvokeClient:
    """As `ClientFormat`."""

    format: Final = Format.INVOKE
    stream_type: Final = STREAM_TYPE
    takes_comments: Final = False

    def read_request(self, body: bytes, path_model: str | None) -> Conversation:
        return read_request(body, self.format)

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        return write_answer(expect(answer, Reply), asked, losses)

    def stream_writer(self, asked: Asked) -> InvokeStreamWriter:
        return InvokeStreamWriter(asked)

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return write_problem(problem)

    def text(self, body: bytes) -> str:
        return text_in(body)
