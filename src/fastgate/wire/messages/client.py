"""The half of the Messages API towards clients."""

from typing import Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, expect
from fastgate.wire.messages.problem import write_problem
from fastgate.wire.messages.reply_writer import write_answer
from fastgate.wire.messages.request_reader import read_request
from fastgate.wire.messages.stream_writer import StreamWriter
from fastgate.wire.messages.text import text_in
from fastgate.wire.openai import EVENT_STREAM


class MessagesClient:
    """As `ClientFormat`."""

    format: Format = Format.MESSAGES
    stream_type: bytes = EVENT_STREAM[1]
    takes_comments: Final = True

    def read_request(self, body: bytes, path_model: str | None) -> Conversation:
        return read_request(body, self.format)

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        return write_answer(expect(answer, Reply), asked, losses)

    def stream_writer(self, asked: Asked) -> StreamWriter:
        return StreamWriter(asked)

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return write_problem(problem)

    def text(self, body: bytes) -> str:
        return text_in(body)
