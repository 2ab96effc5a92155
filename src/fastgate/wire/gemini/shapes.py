"""Gemini's messages as far as the gateway reads them.

Sources: the discovery documents of the Gemini API (v1beta) and Vertex AI (v1), and google-genai's types.
"""

from typing import Annotated, Final

import msgspec

from fastgate.wire.beside import Beside

MAX_TOKENS: Final = 1 << 40

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]


class Shape(msgspec.Struct, rename="camel"):
    """proto JSON: every field may be absent, or null for the same."""


class Blob(Shape):
    mime_type: str | None = None
    data: str | None = None
    display_name: str | None = None


class FileData(Shape):
    mime_type: str | None = None
    file_uri: str | None = None
    display_name: str | None = None


class FunctionCall(Shape):
    id: str | None = None
    name: str | None = None
    args: msgspec.Raw = msgspec.Raw()


class ResponsePart(Shape):
    inline_data: Blob | None = None
    file_data: FileData | None = None


class FunctionResponse(Shape):
    id: str | None = None
    name: str | None = None
    response: msgspec.Raw = msgspec.Raw()
    parts: list[ResponsePart] | None = None


class Part(Shape):
    """The fields of one kind of data, and what may stand beside any of them."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: FunctionCall | None = None
    function_response: FunctionResponse | None = None
    media_resolution: msgspec.Raw = msgspec.Raw()
    video_metadata: msgspec.Raw = msgspec.Raw()


class Content(Shape):
    """`parts` is a list, or one part outside a list as Google's own examples have it."""

    role: str | None = None
    parts: list[Part] | Part | None = None


class WrittenContent(Shape):
    """For parts of a kind that `Part` does not know."""

    parts: msgspec.Raw = msgspec.Raw()


class Web(Shape):
    uri: str | None = None
    title: str | None = None
    text: str | None = None


class GroundingChunk(Shape):
    web: Web | None = None
    retrieved_context: Web | None = None
    maps: Web | None = None


class Segment(Shape):
    """`start_index` and `end_index` are bytes of the part's text."""

    part_index: int | None = None
    start_index: int | None = None
    end_index: int | None = None


class GroundingSupport(Shape):
    segment: Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class GroundingMetadata(Shape):
    grounding_chunks: list[GroundingChunk] | None = None
    grounding_supports: list[GroundingSupport] | None = None
    web_search_queries: list[str] | None = None


class CitationSource(Shape):
    uri: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class CitationMetadata(Shape):
    """The Gemini API's document has `citationSources`, Vertex's `citations`."""

    citations: list[CitationSource] | None = None
    citation_sources: list[CitationSource] | None = None


class LikelyToken(Shape):
    token: str = ""
    log_probability: float = 0.0


class LikelyTokens(Shape):
    candidates: list[LikelyToken] | None = None


class LogprobsResult(Shape):
    chosen_candidates: list[LikelyToken] | None = None
    top_candidates: list[LikelyTokens] | None = None


class Candidate(Shape):
    content: Content | None = None
    finish_reason: str | None = None
    index: Annotated[int, msgspec.Meta(ge=0, le=1_000)] | None = None
    grounding_metadata: GroundingMetadata | None = None
    citation_metadata: CitationMetadata | None = None
    logprobs_result: LogprobsResult | None = None


class WrittenCandidate(Shape):
    content: WrittenContent | None = None


class ModalityCount(Shape):
    modality: str | None = None
    token_count: Count | None = None


class UsageMetadata(Shape):
    prompt_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    candidates_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    total_token_count: Count | None = None
    prompt_tokens_details: list[ModalityCount] | None = None
    cache_tokens_details: list[ModalityCount] | None = None
    candidates_tokens_details: list[ModalityCount] | None = None
    tool_use_prompt_tokens_details: list[ModalityCount] | None = None
    service_tier: str | None = None
    traffic_type: str | None = None


class PromptFeedback(Shape):
    block_reason: str | None = None


class Status(Shape):
    """`google.rpc.Status`."""

    code: int | None = None
    message: str | None = None
    status: str | None = None
    details: msgspec.Raw = msgspec.Raw()


class Answer(Shape):
    """A whole answer, or one chunk of a stream."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Status | None = None


class WrittenAnswer(Shape):
    candidates: list[WrittenCandidate] | None = None


BESIDE: Final = Beside(
    {
        "promptFeedback": None,
        "modelStatus": None,
        "continuationToken": None,
        "candidates": {
            "safetyRatings": None,
            "finishMessage": None,
            "avgLogprobs": None,
            "urlContextMetadata": None,
            "groundingAttributions": None,
            "groundingMetadata": {
                "searchEntryPoint": None,
                "webSearchQueries": None,
                "imageSearchQueries": None,
                "retrievalQueries": None,
                "retrievalMetadata": None,
                "googleMapsWidgetContextToken": None,
                "sourceFlaggingUris": None,
            },
        },
    }
)

ANSWERS: Final = msgspec.json.Decoder(Answer, strict=False)
WRITTEN_ANSWERS: Final = msgspec.json.Decoder(WrittenAnswer)
RAW_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])
MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parts_in(content: Content | None) -> list[Part]:
    """Of a content that may be absent."""
    parts = None if content is None else content.parts
    if parts is None:
        return []
    return [parts] if isinstance(parts, Part) else parts


def written_parts(content: WrittenContent | None) -> list[msgspec.Raw]:
    """The same, as they are written. ValueError: no list, and no part."""
    return [] if content is None else listed(content.parts)


def listed(value: msgspec.Raw) -> list[msgspec.Raw]:
    """The items of a list, or an object as the only one. ValueError: neither."""
    written = bytes(value)
    if written in (b"", b"null"):
        return []
    return [value] if written.startswith(b"{") else RAW_LIST.decode(written)
