"""The halves of completions towards a client."""

from typing import Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.completions.reply_writer import write_answer
from fastgate.wire.completions.request_reader import read_request
from fastgate.wire.completions.stream_writer import CompletionStreamWriter
from fastgate.wire.interface import Answer, Asked, Header, Problem, StreamWriter
from fastgate.wire.openai import EVENT_STREAM, JSON, error_body
from fastgate.wire.openai_text import answer_text, request_text


class CompletionsClient:
    """As `ClientFormat`."""

    format: Format = Format.COMPLETIONS
    stream_type: bytes = EVENT_STREAM[1]

    def read_request(self, body: bytes, path_model: str | None) -> Conversation:
        return read_request(body)

    def write_answer(self, answer: Answer, asked: Asked) -> bytes:
        assert isinstance(answer, Reply)
        return write_answer(answer, asked)

    def stream_writer(self, asked: Asked) -> StreamWriter:
        return CompletionStreamWriter(asked)

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return [JSON], error_body(problem.message, problem.type, problem.code, problem.param)

    def text(self, body: bytes) -> str:
        return "".join(request_text(body).pieces) or answer_text(body)


CLIENT: Final = CompletionsClient()
