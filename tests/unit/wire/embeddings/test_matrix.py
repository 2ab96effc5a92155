"""Every client's format of embeddings on every provider's: the request is the provider's, the answer the
client's."""

from collections.abc import Callable
from typing import Any

import cohere
import msgspec
import pytest
from google.genai import types as genai
from ollama._types import EmbedRequest, EmbedResponse
from openai.types import CreateEmbeddingResponse, EmbeddingCreateParams
from pydantic import TypeAdapter
from tests.support.cohere_schema import check_request
from tests.support.wire_targets import asked, target

from fastgate.domain.embedding import EmbeddingReply
from fastgate.domain.format import EMBEDDINGS, Format
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire import embeddings, formats
from fastgate.wire.interface import ClientFormat, Losses, ProviderFormat

VECTORS = ((0.5, -0.25, 1.0), (0.0, 2.0, -8.0))

CLIENTS = [each for name, each in formats.CLIENTS.items() if name in EMBEDDINGS]
PROVIDERS = [each for name, each in formats.PROVIDERS.items() if name in EMBEDDINGS]
GOOGLES = {Format.EMBED_CONTENT, Format.VERTEX_PREDICT}
OTHERS = [each for each in PROVIDERS if each.format not in GOOGLES]
"""What is no answer is judged by each vendor's package; Google's has tests of its own."""

ONE_A_CALL = {Format.TITAN_EMBED}
UNCOUNTED = {Format.BEDROCK_COHERE_EMBED}


def openai_request(texts: list[str]) -> dict[str, Any]:
    return {"model": "asked", "input": texts, "dimensions": 3, "encoding_format": "float"}


def cohere_request(texts: list[str]) -> dict[str, Any]:
    return {
        "model": "asked",
        "texts": texts,
        "input_type": "search_query",
        "embedding_types": ["float"],
        "output_dimension": 3,
    }


def google_request(texts: list[str]) -> dict[str, Any]:
    return {
        "requests": [
            {
                "model": "models/asked",
                "content": {"parts": [{"text": text}]},
                "taskType": "RETRIEVAL_QUERY",
                "outputDimensionality": 3,
            }
            for text in texts
        ]
    }


REQUESTS: dict[Format, Callable[[list[str]], dict[str, Any]]] = {
    Format.EMBEDDINGS: openai_request,
    Format.COHERE_EMBED: cohere_request,
    Format.EMBED_CONTENT: google_request,
}
TASKS = {Format.COHERE_EMBED: "input_type", Format.EMBED_CONTENT: "taskType"}
"""What the clients that say what the vectors are for call that."""

SAY_TASKS = {
    Format.COHERE_EMBED,
    Format.BEDROCK_COHERE_EMBED,
    Format.EMBED_CONTENT,
    Format.VERTEX_PREDICT,
}


def openai_answer(vectors: list[list[float]]) -> dict[str, Any]:
    data = [{"object": "embedding", "index": index, "embedding": each} for index, each in enumerate(vectors)]
    body = {
        "object": "list",
        "model": "provided",
        "data": data,
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    CreateEmbeddingResponse.model_validate(body, strict=True)
    return body


def cohere_answer(vectors: list[list[float]]) -> dict[str, Any]:
    body = {
        "id": "a1",
        "response_type": "embeddings_by_type",
        "embeddings": {"float": vectors},
        "texts": [],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7.0}},
    }
    cohere.EmbedByTypeResponse.model_validate(body)
    return body


def ollama_answer(vectors: list[list[float]]) -> dict[str, Any]:
    body = {"model": "provided", "embeddings": vectors, "total_duration": 1, "prompt_eval_count": 7}
    EmbedResponse.model_validate(body)
    return body


def google_answer(vectors: list[list[float]]) -> dict[str, Any]:
    body = {
        "embeddings": [{"values": each} for each in vectors],
        "usageMetadata": {"promptTokenCount": 7},
    }
    genai.EmbedContentResponse.model_validate(body)
    return body


def vertex_answer(vectors: list[list[float]]) -> dict[str, Any]:
    counts = [3.0, 4.0] if len(vectors) == 2 else [7.0]
    return {
        "predictions": [
            {"embeddings": {"values": each, "statistics": {"token_count": count, "truncated": False}}}
            for each, count in zip(vectors, counts, strict=True)
        ]
    }


ANSWERS: dict[Format, Callable[[list[list[float]]], dict[str, Any]]] = {
    Format.EMBEDDINGS: openai_answer,
    Format.COHERE_EMBED: cohere_answer,
    Format.OLLAMA_EMBED: ollama_answer,
    Format.EMBED_CONTENT: google_answer,
    Format.VERTEX_PREDICT: vertex_answer,
    Format.TITAN_EMBED: lambda vectors: {
        "embedding": vectors[0],
        "inputTextTokenCount": 7,
        "embeddingsByType": {"float": vectors[0]},
    },
    Format.BEDROCK_COHERE_EMBED: lambda vectors: {
        "id": "a1",
        "response_type": "embeddings_by_type",
        "embeddings": {"float": vectors},
    },
}


def check_openai(body: Any, texts: list[str]) -> None:
    TypeAdapter(EmbeddingCreateParams).validate_python(body)
    assert (body["input"], body["model"], body["dimensions"]) == (texts, "m-1", 3)


def check_cohere(body: Any, texts: list[str]) -> None:
    check_request("/v2/embed", body)
    assert (body["texts"], body["model"], body["output_dimension"]) == (texts, "m-1", 3)
    assert body["embedding_types"] == ["float"]


def check_ollama(body: Any, texts: list[str]) -> None:
    EmbedRequest.model_validate(body)
    assert body == {"model": "m-1", "input": texts, "dimensions": 3}


def check_titan(body: Any, texts: list[str]) -> None:
    assert body == {"inputText": texts[0], "dimensions": 3}


def check_bedrock_cohere(body: Any, texts: list[str]) -> None:
    assert set(body) == {"texts", "input_type", "embedding_types", "output_dimension"}
    assert body["texts"] == texts


def check_google(body: Any, texts: list[str]) -> None:
    assert [each["content"]["parts"] for each in body["requests"]] == [[{"text": text}] for text in texts]
    assert {(each["model"], each["outputDimensionality"]) for each in body["requests"]} == {("models/m-1", 3)}


def check_vertex(body: Any, texts: list[str]) -> None:
    assert [each["content"] for each in body["instances"]] == texts
    assert body["parameters"] == {"outputDimensionality": 3}


CHECKS: dict[Format, Callable[[Any, list[str]], None]] = {
    Format.EMBEDDINGS: check_openai,
    Format.COHERE_EMBED: check_cohere,
    Format.OLLAMA_EMBED: check_ollama,
    Format.EMBED_CONTENT: check_google,
    Format.VERTEX_PREDICT: check_vertex,
    Format.TITAN_EMBED: check_titan,
    Format.BEDROCK_COHERE_EMBED: check_bedrock_cohere,
}


def read_openai(body: bytes) -> tuple[list[list[float]], int]:
    answer = CreateEmbeddingResponse.model_validate(msgspec.json.decode(body), strict=True)
    assert [each.index for each in answer.data] == list(range(len(answer.data)))
    return [each.embedding for each in answer.data], answer.usage.prompt_tokens


def read_cohere(body: bytes) -> tuple[list[list[float]], int]:
    answer = cohere.EmbedByTypeResponse.model_validate(msgspec.json.decode(body))
    assert answer.meta is not None
    units = answer.meta.billed_units
    return answer.embeddings.float_ or [], int(units.input_tokens or 0) if units else 0


def read_google(body: bytes) -> tuple[list[list[float]], int]:
    answer = genai.EmbedContentResponse.model_validate_json(body)
    used = answer.usage_metadata
    vectors = [each.values or [] for each in answer.embeddings or ()]
    return vectors, (used.prompt_token_count or 0) if used else 0


READERS: dict[Format, Callable[[bytes], tuple[list[list[float]], int]]] = {
    Format.EMBEDDINGS: read_openai,
    Format.COHERE_EMBED: read_cohere,
    Format.EMBED_CONTENT: read_google,
}


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.format)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda each: each.format)
def test_pair(client: ClientFormat, provider: ProviderFormat) -> None:
    count = 1 if provider.format in ONE_A_CALL else 2
    texts, vectors = ["first", "second"][:count], [list(each) for each in VECTORS[:count]]
    losses = Losses()

    request = client.read_request(msgspec.json.encode(REQUESTS[client.format](texts)), None)
    body = msgspec.json.decode(msgspec.json.encode(provider.write_request(request, target(), losses)))
    CHECKS[provider.format](body, texts)
    task = TASKS.get(client.format)
    assert losses.names == ([task] if task is not None and provider.format not in SAY_TASKS else [])

    answer = msgspec.json.encode(ANSWERS[provider.format](vectors))
    reply = provider.read_answer(answer)
    tokens = 0 if provider.format in UNCOUNTED else 7
    assert isinstance(reply, EmbeddingReply)
    assert reply.usage == (Usage(input_tokens=7) if tokens else None)
    summary = provider.summary(answer)
    assert (summary.usage, summary.failed) == (reply.usage, 0)
    assert READERS[client.format](client.write_answer(reply, asked(request), Losses())) == (vectors, tokens)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.format)
@pytest.mark.parametrize("given", [[15339, 1917], [[15339], [1917]]])
def test_token_ids_go_to_openais_format_alone(provider: ProviderFormat, given: Any) -> None:
    request = embeddings.CLIENT.read_request(msgspec.json.encode({"model": "m", "input": given}), None)
    if provider.format is Format.EMBEDDINGS:
        assert provider.write_request(request, target(), Losses())["input"] == given
        return
    if provider.format in ONE_A_CALL and isinstance(given[0], list):
        return
    with pytest.raises(GatewayError, match="token ids only where it is OpenAI's") as refused:
        provider.write_request(request, target(), Losses())
    assert (refused.value.code, refused.value.param) == ("invalid_field", "input[0]")


@pytest.mark.parametrize("provider", OTHERS, ids=lambda each: each.format)
@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b"[1]", b'{"error":"no"}', b'{"embedding":7,"data":7}']
)
def test_what_is_no_answer(provider: ProviderFormat, body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  msgspec's errors are meant, whatever they say
        provider.read_answer(body)
    assert provider.summary(body).usage in (None, Usage())


@pytest.mark.parametrize("provider", OTHERS, ids=lambda each: each.format)
def test_a_body_that_is_no_json_has_failed(provider: ProviderFormat) -> None:
    assert provider.summary(b"<html>").failed == 502
    with pytest.raises(TypeError):
        provider.stream_reader()
    with pytest.raises(TypeError):
        provider.splitter(1)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda each: each.format)
def test_there_are_no_streams(client: ClientFormat) -> None:
    request = client.read_request(msgspec.json.encode(REQUESTS[client.format](["a"])), None)
    with pytest.raises(GatewayError, match="no streams"):
        client.stream_writer(asked(request))
