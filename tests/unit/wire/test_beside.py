"""What a provider's answer has beside content is named, and none that the vendors document is forgotten."""

from base64 import b64encode
from typing import Any

import msgspec
import pytest
from anthropic.types import Message
from botocore.model import StructureShape
from cohere.types import ApiMeta, EmbedByTypeResponse
from cohere.v2.types import V2ChatResponse, V2RerankResponse
from google.genai.types import (
    Candidate,
    ContentEmbedding,
    ContentEmbeddingStatistics,
    EmbedContentResponse,
    GenerateContentResponse,
    GroundingMetadata,
)
from ollama import ChatResponse, EmbedResponse
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.chat_completion import Choice
from pydantic import BaseModel
from tests.support.bedrock_schema import service_model

from fastgate.domain.conversation import Text
from fastgate.domain.embedding import EmbeddingReply, RerankReply
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.domain.reply import TextDelta
from fastgate.providers.passthrough import Translated
from fastgate.wire.beside import NOTHING, Beside, BesideWatch
from fastgate.wire.converse.frames import frame
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Losses
from fastgate.wire.reference import answers

_BESIDE = Beside({"top": None, "inner": {"deep": None, "a-name": None}})


def looked(*events: Any) -> list[str]:
    losses = Losses()
    watch = BesideWatch(_BESIDE, losses)
    for event in events:
        watch.look(event if isinstance(event, bytes) else msgspec.json.encode(event))
    return losses.names


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({"top": 1}, ["answer.top"]),
        ({"inner": {"deep": {"x": 1}}}, ["answer.deep"]),
        ({"inner": [{}, {"deep": 1, "a-name": "x"}]}, ["answer.deep", "answer.a-name"]),
        (
            {"top": None, "inner": [{"deep": []}, {"deep": {}, "a-name": ""}, {"deep": False}, {"deep": 0}]},
            [],
        ),
        ({"deep": 1, "other": {"top": 1}, "text": '"top": 1'}, []),
        ({"inner": {"top": 1}}, []),
        (b'"top": of no object', []),
        (b'{"inner": "deep", "x": "deep"}', []),
        (b'{"top": 1, "inner": 5}', []),
    ],
)
def test_what_is_named(event: Any, named: list[str]) -> None:
    assert looked(event) == named


def test_each_is_named_once() -> None:
    assert looked({"inner": {"deep": 1}}, {"top": None}, {"inner": {"deep": 1}}, {"top": 1}) == [
        "answer.deep",
        "answer.top",
    ]
    assert looked({"top": 1}, {"top": 2}, {"inner": {"deep": 1}, "top": 3}) == ["answer.top", "answer.deep"]


# --- of each format ---------------------------------------------------------------------------------------

_RATINGS = [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}]
_FILTERED = {"hate": {"filtered": False, "severity": "safe"}}
_DETAILS = {"type": "refusal", "category": "cyber", "explanation": "It would harm."}

_SAID: list[tuple[Format, dict[str, Any], Any, list[str]]] = [
    (
        Format.CHAT,
        {"moderation": {"flagged": True}, "prompt_filter_results": [{"prompt_index": 0}]},
        {"choices": [{"index": 0, "delta": {"content": "x"}, "content_filter_results": _FILTERED}]},
        ["answer.moderation", "answer.prompt_filter_results", "answer.content_filter_results"],
    ),
    (
        Format.MESSAGES,
        {"container": {"id": "c", "expires_at": "2026-11-24T00:00:00Z"}},
        {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": _DETAILS}, "usage": {}},
        ["answer.container", "answer.stop_details"],
    ),
    (
        Format.GENERATE_CONTENT,
        {"promptFeedback": {"safetyRatings": _RATINGS}},
        {"candidates": [{"content": {"parts": [{"text": "x"}]}, "safetyRatings": _RATINGS}]},
        ["answer.promptFeedback", "answer.safetyRatings"],
    ),
    (
        Format.CONVERSE,
        {"trace": {"guardrail": {"actionReason": "Guardrail blocked."}}},
        {"performanceConfig": {"latency": "optimized"}, "usage": {}},
        ["answer.trace", "answer.performanceConfig"],
    ),
    (
        Format.INVOKE,
        {"amazon-bedrock-trace": {"guardrail": {"actionReason": "Guardrail blocked."}}},
        {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": _DETAILS}, "usage": {}},
        ["answer.amazon-bedrock-trace", "answer.stop_details"],
    ),
]


def event_of(format_: Format, payload: Any) -> bytes:
    json = msgspec.json.encode(payload)
    if format_ is Format.CONVERSE:
        return frame("metadata", json)
    if format_ is Format.INVOKE:
        return frame("chunk", msgspec.json.encode({"bytes": b64encode(json).decode()}))
    name = b"event: %s\n" % payload["type"].encode() if format_ is Format.MESSAGES else b""
    return name + b"data: " + json + b"\n\n"


@pytest.mark.parametrize(("provider", "whole", "event", "named"), _SAID)
def test_of_a_whole_answer_and_of_a_stream(
    provider: Format, whole: dict[str, Any], event: Any, named: list[str]
) -> None:
    client = Format.CHAT if provider is not Format.CHAT else Format.MESSAGES
    decoder = Translated(PROVIDERS[provider], CLIENTS[client].stream_writer(answers.asked(client)))
    losses = decoder._writer.losses
    first = {"type": "ping", **whole} if provider in (Format.MESSAGES, Format.INVOKE) else whole
    for each in (first, event, event):
        decoder.event(event_of(provider, each))
    assert losses.names == named
    of_whole = Losses()
    BesideWatch(PROVIDERS[provider].beside, of_whole).look(msgspec.json.encode({**event, **whole}))
    assert set(of_whole.names) == set(named)


@pytest.mark.parametrize("provider", [each for each in PROVIDERS if each in CONVERSATIONS & set(CLIENTS)])
def test_a_plain_answer_names_none(provider: Format) -> None:
    losses = Losses()
    shown = Format.MESSAGES if provider is Format.INVOKE else provider
    body = answers.write(shown, answers.PLAIN_REPLY, Losses())
    BesideWatch(PROVIDERS[provider].beside, losses).look(body)
    assert losses.names == []


# --- against the vendors' own types -----------------------------------------------------------------------


def fields(*models: type[BaseModel]) -> set[str]:
    return {field.alias or name for model in models for name, field in model.model_fields.items()}


def members(shape: Any) -> set[str]:
    assert isinstance(shape, StructureShape)
    return set(shape.members)


_TRANSPORT = {"id", "object", "created", "created_at", "model", "role", "type", "index"}
_BEDROCK = service_model()

_DOCUMENTED: list[tuple[Format, set[str], set[str]]] = [
    (
        Format.CHAT,
        fields(ChatCompletion, ChatCompletionChunk, Choice),
        {
            *("choices", "usage", "service_tier", "finish_reason", "logprobs", "message"),
            *("metadata", "obfuscation"),  # the request's own, and what hides lengths
            "system_fingerprint",
        },
    ),
    (
        Format.MESSAGES,
        fields(Message),
        {"content", "usage", "stop_reason", "stop_sequence"},
    ),
    (
        Format.GENERATE_CONTENT,
        fields(GenerateContentResponse, Candidate, GroundingMetadata),
        {
            *("candidates", "usageMetadata", "modelVersion", "responseId", "createTime"),
            *("sdkHttpResponse", "automaticFunctionCallingHistory", "parsed"),  # the SDK's own
            *("content", "finishReason", "groundingMetadata", "citationMetadata", "logprobsResult"),
            *("groundingChunks", "groundingSupports"),
            "tokenCount",
        },
    ),
    (
        Format.CONVERSE,
        members(_BEDROCK.operation_model("Converse").output_shape)
        | members(_BEDROCK.shape_for("ConverseStreamMetadataEvent"))
        | members(_BEDROCK.shape_for("MessageStopEvent")),
        {"output", "stopReason", "usage", "metrics", "serviceTier", "additionalModelResponseFields"},
    ),
    (
        Format.COHERE_CHAT,
        fields(V2ChatResponse),
        {"message", "usage", "finish_reason", "logprobs"},
    ),
    (
        Format.OLLAMA_CHAT,
        fields(ChatResponse),
        {
            *("message", "done", "done_reason", "logprobs", "prompt_eval_count", "eval_count"),
            *("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"),
        },
    ),
    (Format.EMBEDDINGS, fields(CreateEmbeddingResponse), {"data", "usage"}),
    (
        Format.COHERE_EMBED,
        fields(EmbedByTypeResponse, ApiMeta),
        {
            *("embeddings", "meta", "billed_units", "tokens", "cached_tokens"),
            *("texts", "response_type", "api_version"),  # as they were asked for
        },
    ),
    (
        Format.COHERE_RERANK,
        fields(V2RerankResponse, ApiMeta),
        {"results", "meta", "billed_units", "tokens", "cached_tokens", "api_version"},
    ),
    (
        Format.EMBED_CONTENT,
        fields(EmbedContentResponse),
        {"embeddings", "usageMetadata", "metadata", "sdkHttpResponse"},  # `metadata` counts characters
    ),
    (
        Format.VERTEX_PREDICT,
        fields(ContentEmbedding, ContentEmbeddingStatistics),
        {"values", "statistics", "tokenCount", "tokensDetails"},
    ),
    (
        Format.OLLAMA_EMBED,
        fields(EmbedResponse),
        {
            *("embeddings", "prompt_eval_count", "eval_count", "done", "done_reason"),
            *("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"),
        },
    ),
]
"""What the vendor's own types have in an answer, and what of that is read, or says how long it took."""


@pytest.mark.parametrize(("format_", "documented", "read"), _DOCUMENTED)
def test_all_that_the_vendor_documents_is_read_or_named(
    format_: Format, documented: set[str], read: set[str]
) -> None:
    beside = set(PROVIDERS[format_].beside.names)
    assert documented - read - _TRANSPORT - beside == set()
    assert not beside & read


_WARNED = {"meta": {"api_version": {"version": "2"}, "warnings": ["texts were truncated"]}}
_CUT = {"embeddings": {"values": [0.5], "statistics": {"token_count": 4, "truncated": True}}}
_PICTURE = [{"width": 1, "height": 1, "format": "png", "bit_depth": 8}]


@pytest.mark.parametrize(
    ("provider", "answer", "named"),
    [
        (Format.COHERE_EMBED, {"embeddings": {"float": [[0.5]]}, **_WARNED}, {"warnings"}),
        (Format.COHERE_EMBED, {"embeddings": {"float": [[0.5]]}, "images": _PICTURE}, {"images"}),
        (Format.COHERE_RERANK, {"results": [{"index": 0, "relevance_score": 0.5}], **_WARNED}, {"warnings"}),
        (Format.BEDROCK_COHERE_EMBED, {"embeddings": {"float": [[0.5]]}, "images": _PICTURE}, {"images"}),
        (Format.TITAN_EMBED, {"embedding": [0.5], "message": "Input was cut."}, {"message"}),
        (Format.VERTEX_PREDICT, {"predictions": [_CUT]}, {"truncated"}),
        (Format.EMBED_CONTENT, {"embedding": {"values": [0.5]}, "truncated": True}, {"truncated"}),
        (Format.EMBED_CONTENT, {"embedding": {"values": [0.5]}, "truncated": False}, set()),
        (Format.RERANK, [{"index": 0, "score": 0.5}], set()),
    ],
)
def test_of_embeddings_and_rankings(provider: Format, answer: Any, named: set[str]) -> None:
    body = msgspec.json.encode(answer)
    assert isinstance(PROVIDERS[provider].read_answer(body), EmbeddingReply | RerankReply)
    assert PROVIDERS[provider].beside.named(body) == named


def test_a_format_may_have_none() -> None:
    assert PROVIDERS[Format.EMBEDDINGS].beside is NOTHING
    assert not NOTHING.named(b'{"a": 1}')


def test_the_text_is_there_all_the_same() -> None:
    provider = PROVIDERS[Format.GENERATE_CONTENT]
    payload = {"candidates": [{"content": {"parts": [{"text": "x"}]}, "safetyRatings": _RATINGS}]}
    reader = provider.stream_reader()
    assert TextDelta("x") in reader.read(event_of(Format.GENERATE_CONTENT, payload))
    reply = provider.read_answer(msgspec.json.encode(payload))
    assert Text(text="x") in reply.choices[0].parts  # type: ignore[union-attr]  # it is a conversation's
