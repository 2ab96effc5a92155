"""OpenAI's embeddings, as its SDK sends and reads them."""

import array
import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import CreateEmbeddingResponse
from tests.support.wire_targets import asked, target

from fastgate.domain.conversation import Image, Source, Text
from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire.embeddings import CLIENT, PROVIDER
from fastgate.wire.embeddings.vectors import from_base64, to_base64
from fastgate.wire.interface import Losses, Problem


def read(**fields: Any) -> EmbeddingRequest:
    return CLIENT.read_request(msgspec.json.encode({"model": "m", **fields}), None)


@pytest.mark.parametrize(
    ("given_", "inputs", "single"),
    [
        ("a", ("a",), True),
        (["a"], ("a",), False),
        (["a", "b"], ("a", "b"), False),
        ([1, 2], ((1, 2),), True),
        ([[1], [2, 3]], ((1,), (2, 3)), False),
    ],
)
def test_inputs(given_: Any, inputs: Any, single: bool) -> None:
    request = read(input=given_)
    assert (request.inputs, request.single) == (inputs, single)
    assert PROVIDER.write_request(request, target(), Losses())["input"] == given_


def test_fields() -> None:
    request = read(
        input="a",
        dimensions=3,
        encoding_format="base64",
        user="u",
        input_type="search_query",
        provider_options={"cohere": {"priority": 1}},
        brand_new=[1],
    )
    assert (request.dimensions, request.base64, request.user, request.task) == (3, True, "u", "search_query")
    assert {name: bytes(value) for name, value in request.extra.items()} == {"brand_new": b"[1]"}
    assert bytes(request.options["cohere"]["priority"]) == b"1"
    losses = Losses()
    body = PROVIDER.write_request(request, target(), losses)
    assert body == {"model": "m-1", "input": "a", "dimensions": 3, "user": "u"}
    assert losses.names == ["input_type"]


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({}, "missing_field", "input"),
        ({"input": 7}, "invalid_field", "input"),
        ({"input": []}, "invalid_field", "input"),
        ({"input": [[]]}, "invalid_field", "input[0]"),
        ({"input": ["a", 1]}, "invalid_field", "input[1]"),
        ({"input": ["a", [1.5]]}, "invalid_field", "input[1][0]"),
        ({"input": "a", "dimensions": 0}, "invalid_field", "dimensions"),
        ({"input": "a", "encoding_format": "hex"}, "invalid_field", "encoding_format"),
        ({"input": "a", "provider_options": {"x": 1}}, "invalid_field", "provider_options[...]"),
    ],
)
def test_refusals(fields: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read(**fields)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_base64_as_the_sdk_decodes_it() -> None:
    reply = EmbeddingReply(id="", model="", vectors={"float": ((0.5, -2.0),)}, usage=Usage(input_tokens=3))
    body = msgspec.json.decode(
        CLIENT.write_answer(reply, asked(read(input="a", encoding_format="base64")), Losses())
    )
    data = body["data"][0]["embedding"]
    assert array.array("f", base64.b64decode(data)).tolist() == [0.5, -2.0]
    assert body["model"] == "asked-model"
    assert body["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


def test_an_answer_without_usage_has_what_strict_clients_want() -> None:
    reply = EmbeddingReply(id="", model="x", vectors={"float": ((1.0,),)})
    body = CLIENT.write_answer(reply, asked(read(input="a")), Losses())
    CreateEmbeddingResponse.model_validate(msgspec.json.decode(body), strict=True)


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_base64_round_trip(vector: list[float]) -> None:
    assert list(from_base64(to_base64(vector))) == vector


@pytest.mark.parametrize("text", ["AAA=", "????", "AAAAAAA="])
def test_base64_that_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  binascii's errors are meant, whatever they say
        from_base64(text)


def test_numbers_beyond_32_bits() -> None:
    assert from_base64(to_base64([1e300, -1e300, 1.0])) == (float("inf"), float("-inf"), 1.0)


def test_answers_of_other_servers() -> None:
    reply = PROVIDER.read_answer(
        msgspec.json.encode(
            {
                "data": [
                    {"embedding": to_base64([2.0]), "index": 1},
                    {"embedding": [1.0], "index": 0},
                ],
                "usage": {"total_tokens": 4},
            }
        )
    )
    assert reply.vectors == {"float": ((1.0,), (2.0,))}
    assert reply.usage == Usage(input_tokens=4)


def test_an_error_inside_a_200() -> None:
    summary = PROVIDER.summary(b'{"error":{"message":"slow down","type":"rate_limit_error"}}')
    assert (summary.failed, summary.message) == (429, "slow down")


def test_documents_of_several_parts() -> None:
    request = EmbeddingRequest(
        format=Format.EMBED_CONTENT,
        inputs=((Text(text="a"), Text(text="b")),),
        task="RETRIEVAL_DOCUMENT",
        title="t",
        types=("float", "int8", "base64"),
    )
    losses = Losses()
    assert PROVIDER.write_request(request, target(), losses)["input"] == ["a\nb"]
    assert losses.names == ["taskType", "title", "types[1]"]


def test_an_image_is_refused() -> None:
    image = Image(source=Source(media_type="image/png", data="AAAA"))
    request = EmbeddingRequest(format=Format.COHERE_EMBED, inputs=("a", (Text(text="b"), image)))
    with pytest.raises(GatewayError, match="no images") as refused:
        PROVIDER.write_request(request, target(), Losses())
    assert refused.value.param == "inputs[1]"


def test_text_to_count() -> None:
    assert CLIENT.text(b'{"input":["a","b",[1,2]]}') == "a\nb"
    assert CLIENT.text(b'{"input":"a"}') == "a"
    assert CLIENT.text(b'{"data":[]}') == ""
    assert CLIENT.text(b'{"input":{}}') == ""


def test_problems() -> None:
    headers, body = CLIENT.write_problem(
        Problem(400, "No.", "invalid_request_error", "invalid_field", "input", "r1")
    )
    assert headers == [(b"content-type", b"application/json")]
    assert msgspec.json.decode(body) == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "input",
            "code": "invalid_field",
        }
    }
