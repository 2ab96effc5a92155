"""The half of the Responses API towards clients."""

from typing import Final

import msgspec

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, expect
from fastgate.wire.lenient import UNREADABLE
from fastgate.wire.openai import EVENT_STREAM, write_problem
from fastgate.wire.openai_text import answer_text, request_text
from fastgate.wire.responses.reply_writer import write_answer
from fastgate.wire.responses.request_reader import read_request
from fastgate.wire.responses.stream_writer import ResponsesStreamWriter


class _Object(msgspec.Struct):
    object: str | None = None


_objects: Final = msgspec.json.Decoder(_Object)


class ResponsesClient:
    """As `ClientFormat`."""

    format: Format = Format.RESPONSES
    stream_type: bytes = EVENT_STREAM[1]
    takes_comments: Final = True

    def read_request(self, body: bytes, path_model: str | None) -> Conversation:
        return read_request(body)

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        return write_answer(expect(answer, Reply), asked, losses)

    def stream_writer(self, asked: Asked) -> ResponsesStreamWriter:
        return ResponsesStreamWriter(asked)

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return write_problem(problem)

    def text(self, body: bytes) -> str:
        """Of an answer not what it repeats of its request."""
        return answer_text(body) if _is_answer(body) else "".join(request_text(body).pieces)


def _is_answer(body: bytes) -> bool:
    try:
        return _objects.decode(body).object == "response"
    except UNREADABLE:
        return False
