"""`generateContent` and `streamGenerateContent` towards clients."""

from typing import Final

from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.gemini.framing import EVENTS_TYPE
from fastgate.wire.gemini.problem import JSON, problem_object
from fastgate.wire.gemini.reply_writer import write_answer
from fastgate.wire.gemini.request_reader import read_request
from fastgate.wire.gemini.stream_writer import GeminiStreamWriter
from fastgate.wire.gemini.text import text_in
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, expect, raw
from fastgate.wire.reading import too_deep


class GeminiClient:
    """Stateless. A client may have asked for an array instead of events: `framing.stream_type_for`. Google's
    SDK takes a comment for JSON."""

    format = Format.GENERATE_CONTENT
    stream_type = EVENTS_TYPE
    takes_comments: Final = False

    def read_request(self, body: bytes, path_model: str | None) -> Conversation:
        try:
            return read_request(body)
        except RecursionError:
            raise too_deep() from None

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        return write_answer(expect(answer, Reply), asked, losses)

    def stream_writer(self, asked: Asked) -> GeminiStreamWriter:
        return GeminiStreamWriter(asked)

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return [JSON], bytes(raw(problem_object(problem)))

    def text(self, body: bytes) -> str:
        return text_in(body)
