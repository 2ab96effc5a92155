"""`generateContent` and `streamGenerateContent` towards the Gemini API and Vertex AI."""

from typing import Any, Final

import msgspec

from fastgate._core.sse import EventSplitter, event_data
from fastgate.domain.conversation import Conversation
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.wire.gemini.problem import error_in, status_of
from fastgate.wire.gemini.reply_reader import read_answer
from fastgate.wire.gemini.request_writer import write_request
from fastgate.wire.gemini.shapes import BESIDE, GroundingMetadata, Shape, UsageMetadata
from fastgate.wire.gemini.stream_reader import GeminiStreamReader
from fastgate.wire.gemini.usage import billed_searches, usage_of
from fastgate.wire.interface import Losses, Request, Summary, Target, expect


class _Candidate(Shape):
    grounding_metadata: GroundingMetadata | None = None


class _Summary(Shape):
    candidates: list[_Candidate] | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None


_summaries: Final = msgspec.json.Decoder(_Summary, strict=False)


class GeminiProvider:
    """Stateless. Streams are server-sent events: the array is never asked for."""

    format = Format.GENERATE_CONTENT
    beside: Final = BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        return write_request(expect(request, Conversation), target, losses)

    def read_answer(self, body: bytes) -> Reply:
        return read_answer(body)

    def stream_reader(self) -> GeminiStreamReader:
        return GeminiStreamReader()

    def splitter(self, limit: int) -> EventSplitter:
        return EventSplitter((), limit)

    def summary(self, body: bytes) -> Summary:
        error = error_in(body)
        if error is not None:
            return Summary(None, None, status_of(error), error.message or "")
        said = _summaries.decode(body)
        queries = sum(
            len(each.grounding_metadata.web_search_queries or ())
            for each in said.candidates or ()
            if each.grounding_metadata is not None
        )
        searches = billed_searches(queries, said.model_version or "")
        return Summary(usage_of(said.usage_metadata, searches), said.response_id)

    def json_in(self, event: bytes) -> bytes:
        return event_data(event)
