"""Cohere's embeddings: what its SDK sends and reads, and what its description takes."""

from typing import Any

import cohere
import msgspec
import pytest
from tests.support.cohere_schema import check_request
from tests.support.wire_targets import asked, target

from fastgate.domain.conversation import Image, Source, Text
from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire.cohere import EMBED_CLIENT, EMBED_PROVIDER
from fastgate.wire.embeddings.vectors import to_base64
from fastgate.wire.interface import Losses, Problem

PNG = "data:image/png;base64,AAAA"
IMAGE = Image(source=Source(media_type="image/png", data="AAAA"))


def read(**fields: Any) -> EmbeddingRequest:
    return EMBED_CLIENT.read_request(msgspec.json.encode({"model": "m", **fields}), None)


def written(request: EmbeddingRequest) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    body = EMBED_PROVIDER.write_request(request, target("embed-v4.0"), losses)
    check_request("/v2/embed", body)
    return body, losses.names


MIXED = [{"content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PNG}}]}]


@pytest.mark.parametrize(
    ("fields", "inputs"),
    [
        ({"texts": ["a", "b"]}, ("a", "b")),
        ({"images": [PNG]}, ((IMAGE,),)),
        ({"inputs": MIXED}, ((Text(text="a"), IMAGE),)),
    ],
)
def test_inputs_there_and_back(fields: dict[str, Any], inputs: Any) -> None:
    request = read(
        **fields,
        input_type="clustering",
        embedding_types=["float", "int8"],
        truncate="START",
        output_dimension=256,
        max_tokens=9,
    )
    assert request.inputs == inputs
    assert {name: bytes(value) for name, value in request.extra.items()} == {"max_tokens": b"9"}
    body, losses = written(request)
    assert losses == []
    assert body == {
        "model": "embed-v4.0",
        **fields,
        "input_type": "clustering",
        "embedding_types": ["float", "int8"],
        "truncate": "START",
        "output_dimension": 256,
    }


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({}, "invalid_field", "texts"),
        ({"texts": ["a"], "images": [PNG]}, "invalid_field", "images"),
        ({"texts": [1]}, "invalid_field", "texts[0]"),
        ({"inputs": [{}]}, "missing_field", "inputs[0].content"),
        ({"inputs": [{"content": [{"type": "video"}]}]}, "invalid_field", "inputs[0].content[0].type"),
    ],
)
def test_refusals(fields: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read(**fields)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_what_others_ask() -> None:
    body, losses = written(
        EmbeddingRequest(format=Format.EMBEDDINGS, inputs=("a",), base64=True, user="u", truncate="MIDDLE")
    )
    assert body["input_type"] == "search_document"
    assert body["embedding_types"] == ["float"]
    assert losses == ["truncate", "user"]
    body, losses = written(
        EmbeddingRequest(format=Format.EMBED_CONTENT, inputs=((IMAGE,), (IMAGE,)), task="QUESTION", title="t")
    )
    assert body["images"] == [PNG, PNG]
    assert body["input_type"] == "image"
    assert losses == ["taskType", "title"]


def test_texts_beside_images() -> None:
    body, _ = written(EmbeddingRequest(format=Format.EMBED_CONTENT, inputs=("a", (Text(text="b"), IMAGE))))
    assert body["inputs"] == [
        {"content": [{"type": "text", "text": "a"}]},
        {"content": [{"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": PNG}}]},
    ]


def test_an_image_elsewhere_is_refused() -> None:
    away = Image(source=Source(url="https://files.example/a.png"))
    with pytest.raises(GatewayError, match="base64 only") as refused:
        written(EmbeddingRequest(format=Format.COHERE_EMBED, inputs=((away,),)))
    assert refused.value.param == "inputs[0]"


def reply(usage: Usage | None = None, **vectors: Any) -> EmbeddingReply:
    named = {name.rstrip("_"): value for name, value in vectors.items()}
    return EmbeddingReply(id="", model="", vectors=named, usage=usage)


def test_answers_by_type() -> None:
    request = read(texts=["a"], embedding_types=["float", "int8", "base64", "ubinary"])
    body = msgspec.json.decode(
        EMBED_CLIENT.write_answer(
            reply(Usage(input_tokens=3), float=((0.5,),), int8=((64.0,),)), asked(request), Losses()
        )
    )
    answer = cohere.EmbedByTypeResponse.model_validate(body)
    assert (answer.id, answer.texts, answer.response_type) == ("fallback-id", ["a"], "embeddings_by_type")
    assert answer.embeddings.float_ == [[0.5]]
    assert answer.embeddings.base64 == [to_base64([0.5])]
    assert body["embeddings"]["int8"] == [[64]]
    assert isinstance(body["embeddings"]["int8"][0][0], int)
    assert body["meta"] == {"billed_units": {"input_tokens": 3}, "api_version": {"version": "2"}}


def test_a_type_that_the_provider_does_not_have() -> None:
    request = read(texts=["a"], embedding_types=["int8"])
    body = msgspec.json.decode(EMBED_CLIENT.write_answer(reply(float=((0.5,),)), asked(request), Losses()))
    assert body["embeddings"] == {"float": [[0.5]]}
    assert body["meta"] == {"api_version": {"version": "2"}}


def test_answers_of_all_types_are_read() -> None:
    read_ = EMBED_PROVIDER.read_answer(
        msgspec.json.encode(
            {"id": "a", "embeddings": {"int8": [[1]], "ubinary": [[255]], "base64": [to_base64([0.5])]}}
        )
    )
    assert read_.vectors == {"float": ((0.5,),), "int8": ((1.0,),), "ubinary": ((255.0,),)}
    assert EMBED_PROVIDER.read_answer(b'{"embeddings":[[1,2]]}').vectors == {"float": ((1.0, 2.0),)}


@pytest.mark.parametrize(
    ("units", "usage"),
    [
        ({"input_tokens": 4}, Usage(input_tokens=4)),
        ({"image_tokens": 9}, Usage(input_tokens=9, input_image_tokens=9)),
        ({"input_tokens": 4, "image_tokens": 9}, Usage(input_tokens=13, input_image_tokens=9)),
        (
            {"input_tokens": 13, "image_tokens": 9, "text_tokens": 4},
            Usage(input_tokens=13, input_image_tokens=9),
        ),
    ],
)
def test_usage_of_images(units: dict[str, int], usage: Usage) -> None:
    body = msgspec.json.encode({"embeddings": {"float": []}, "meta": {"billed_units": units}})
    assert EMBED_PROVIDER.read_answer(body).usage == usage
    assert EMBED_PROVIDER.summary(body).usage == usage


def test_text_to_count() -> None:
    assert EMBED_CLIENT.text(msgspec.json.encode({"texts": ["a", "b"]})) == "a\nb"
    assert EMBED_CLIENT.text(msgspec.json.encode({"inputs": MIXED})) == "a"
    assert EMBED_CLIENT.text(b'{"texts":7}') == ""


def test_problems() -> None:
    headers, body = EMBED_CLIENT.write_problem(
        Problem(429, "Slowly.", "rate_limit_error", None, None, "req-1")
    )
    assert headers == [(b"content-type", b"application/json")]
    assert msgspec.json.decode(body) == {"message": "Slowly.", "id": "req-1"}
