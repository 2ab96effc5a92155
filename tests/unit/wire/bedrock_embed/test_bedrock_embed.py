"""Bodies of Bedrock's embedding models, as its user guide has them."""

from typing import Any

import msgspec
import pytest
from tests.support.wire_targets import target

from fastgate.domain.conversation import Image, Source, Text
from fastgate.domain.embedding import EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire.bedrock_embed import COHERE_PROVIDER, TITAN_PROVIDER
from fastgate.wire.interface import Losses, ProviderFormat

IMAGE = Image(source=Source(media_type="image/png", data="AAAA"))


def request(*inputs: Any, format: Format = Format.EMBEDDINGS, **fields: Any) -> EmbeddingRequest:
    return EmbeddingRequest(format=format, inputs=inputs, **fields)


def written(
    provider: ProviderFormat, model: str, asked: EmbeddingRequest
) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    return provider.write_request(asked, target(model), losses), losses.names


@pytest.mark.parametrize(
    ("model", "body", "losses"),
    [
        ("amazon.titan-embed-text-v1", {"inputText": "a"}, ["dimensions"]),
        ("amazon.titan-embed-g1-text-02", {"inputText": "a"}, ["dimensions"]),
        ("amazon.titan-embed-text-v2:0", {"inputText": "a", "dimensions": 512}, []),
        (
            "arn:aws:bedrock:eu-west-1:1:application-inference-profile/x",
            {"inputText": "a", "dimensions": 512},
            [],
        ),
        (
            "amazon.titan-embed-image-v1",
            {"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 512}},
            [],
        ),
    ],
)
def test_titan(model: str, body: dict[str, Any], losses: list[str]) -> None:
    assert written(TITAN_PROVIDER, model, request("a", dimensions=512)) == (body, losses)


def test_what_titan_has_no_words_for() -> None:
    asked = request(
        "a",
        format=Format.COHERE_EMBED,
        task="search_query",
        truncate="END",
        types=("float", "binary"),
        user="u",
        title="t",
    )
    _, losses = written(TITAN_PROVIDER, "amazon.titan-embed-text-v2:0", asked)
    assert losses == ["input_type", "title", "truncate", "user", "embedding_types[1]"]


@pytest.mark.parametrize("inputs", [(), ("a", "b")])
def test_titan_takes_one_input(inputs: tuple[str, ...]) -> None:
    with pytest.raises(GatewayError, match="one input a call") as refused:
        written(TITAN_PROVIDER, "amazon.titan-embed-text-v2:0", request(*inputs))
    assert (refused.value.code, refused.value.param) == ("invalid_field", "input")


def test_titans_images() -> None:
    model = "amazon.titan-embed-image-v1"
    assert written(TITAN_PROVIDER, model, request((IMAGE,)))[0] == {"inputImage": "AAAA"}
    both = written(TITAN_PROVIDER, model, request((Text(text="a"), IMAGE, Text(text="b"))))[0]
    assert both == {"inputText": "a\nb", "inputImage": "AAAA"}
    for inputs in ((IMAGE, IMAGE), (Image(source=Source(url="https://x.example")),), (1, 2)):
        with pytest.raises(GatewayError, match="one image"):
            written(TITAN_PROVIDER, model, request(inputs))


def test_titans_answer() -> None:
    reply = TITAN_PROVIDER.read_answer(b'{"embedding":[0.5,1],"inputTextTokenCount":4}')
    assert (reply.vectors, reply.usage) == ({"float": ((0.5, 1.0),)}, Usage(input_tokens=4))


@pytest.mark.parametrize(
    ("model", "fields", "body", "losses"),
    [
        (
            "cohere.embed-english-v3",
            {"dimensions": 512, "truncate": "START"},
            {"truncate": "START"},
            ["output_dimension"],
        ),
        (
            "global.cohere.embed-v4:0",
            {"dimensions": 512, "truncate": "START", "types": ("int8", "base64")},
            {"output_dimension": 512, "truncate": "LEFT", "embedding_types": ["int8", "float"]},
            [],
        ),
        (
            "cohere.embed-v4:0",
            {"truncate": "MIDDLE", "task": "whatever", "types": ("packed",), "title": "t"},
            {},
            ["input_type", "truncate", "title", "embedding_types[0]"],
        ),
    ],
)
def test_cohere(model: str, fields: dict[str, Any], body: dict[str, Any], losses: list[str]) -> None:
    assert written(COHERE_PROVIDER, model, request("a", format=Format.COHERE_EMBED, **fields)) == (
        {"texts": ["a"], "input_type": "search_document", "embedding_types": ["float"], **body},
        losses,
    )


def test_coheres_images_are_urls_alone() -> None:
    body, _ = written(COHERE_PROVIDER, "cohere.embed-v4:0", request((Text(text="a"), IMAGE)))
    assert body["inputs"] == [
        {
            "content": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
            ]
        }
    ]


@pytest.mark.parametrize(
    "embeddings", [[[0.5]], {"float": [[0.5]]}], ids=["embeddings_floats", "embeddings_by_type"]
)
def test_coheres_answers(embeddings: Any) -> None:
    body = msgspec.json.encode({"id": "a", "embeddings": embeddings, "texts": ["a"]})
    reply = COHERE_PROVIDER.read_answer(body)
    assert (reply.id, reply.vectors, reply.usage) == ("a", {"float": ((0.5,),)}, None)
    assert COHERE_PROVIDER.summary(body).id == "a"
