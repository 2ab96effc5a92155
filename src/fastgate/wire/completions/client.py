"""The halves of completions towards a client."""

from typing import Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.completions.reply_writer import write_answer
from fastgate.wire.completions.request_reader import read_request
from fastgate.wire.completions.stream_writer import CompletionStreamWriter
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, StreamWriter, expect
from fastgate.wire.openai import EVENT_STREAM, write_problem
from fastgate.wire.openai_text import answer_text, request_text


class CompletionsClient:
    """As `ClientFormat`."""

    format: Format = Format.COMPLETIONS
    stream_type: bytes = EVENT_STREAM[1]
    takes_comments: Final = True

    def read_request(self, body: bytes, path_model: str | None) -> Conversation:
        return read_request(body)

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        return write_answer(expect(answer, Reply), asked, losses)

    def stream_writer(self, asked: Asked) -> StreamWriter:
        return CompletionStreamWriter(asked)

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return write_problem(problem)

    def text(self, body: bytes) -> str:
        return "".join(request_text(body).pieces) or answer_text(body)


CLIENT: Final = CompletionsClient()
