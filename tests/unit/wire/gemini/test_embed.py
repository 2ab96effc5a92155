"""Embeddings of the Gemini API and of Vertex."""

from typing import Any

import msgspec
import pytest
from tests.support.discovery import faults

from fastgate.domain.conversation import Image, Source, Text
from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.reply import Reply
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire.gemini import EMBED_CLIENT, EMBED_PROVIDER, PREDICT_PROVIDER
from fastgate.wire.interface import Asked, Losses, Problem, Target

GEMINI = Target("g", "gemini-embedding-001", stream=False, default_max_tokens=1, cap=None, dialect="gemini")
VERTEX = GEMINI._replace(model="gemini-embedding-2", dialect="vertex")
IMAGE = Image(source=Source(media_type="image/png", data="AAAA"))


def read(body: Any) -> EmbeddingRequest:
    return EMBED_CLIENT.read_request(msgspec.json.encode(body), "gemini-embedding-001")


def write(
    request: EmbeddingRequest, target: Target = GEMINI, provider: Any = EMBED_PROVIDER
) -> tuple[Any, list[str]]:
    losses = Losses()
    return msgspec.json.decode(
        msgspec.json.encode(provider.write_request(request, target, losses))
    ), losses.names


def refusal(call: Any) -> tuple[str, str | None]:
    with pytest.raises(GatewayError) as raised:
        call()
    return raised.value.code, raised.value.param


def asked(request: EmbeddingRequest) -> Asked:
    return Asked(request, "m", "r", 0, include_usage=False, path="", query="")


def test_one_content() -> None:
    request = read(
        {
            "model": "models/x",
            "content": {"parts": [{"text": "a"}]},
            "taskType": "RETRIEVAL_DOCUMENT",
            "title": "t",
            "output_dimensionality": 3,
        }
    )
    assert request == EmbeddingRequest(
        format=Format.EMBED_CONTENT,
        inputs=("a",),
        single=True,
        dimensions=3,
        task="search_document",
        title="t",
    )


def test_a_batch_with_parts_and_the_newer_places() -> None:
    terms = {"embedContentConfig": {"taskType": "SEMANTIC_SIMILARITY", "autoTruncate": False}}
    request = read(
        {
            "requests": [
                {
                    "content": {
                        "parts": [{"text": "a"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
                    },
                    **terms,
                },
                {"content": {"parts": {"text": "b"}}, **terms},
            ]
        }
    )
    assert request.inputs == ((Text(text="a"), IMAGE), "b")
    assert (request.task, request.truncate, request.single) == ("SEMANTIC_SIMILARITY", "NONE", False)


@pytest.mark.parametrize("batch", [True, False])
def test_what_only_google_has_is_named(batch: bool) -> None:
    one = {"content": {"parts": {"text": "a"}}, "embedContentConfig": {"documentOcr": True}, "newer": 1}
    extra = read({"requests": [one]} if batch else one).extra
    around = "requests[0]." if batch else ""
    assert {name: bytes(value) for name, value in extra.items()} == {
        f"{around}embedContentConfig.documentOcr": b"true",
        f"{around}newer": b"1",
    }


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_field", "content"),
        ({"requests": []}, "invalid_field", "requests"),
        ({"requests": [{}]}, "missing_field", "requests[0].content"),
        ({"content": {"parts": []}}, "invalid_field", "content.parts"),
        ({"content": {"parts": [{"fileData": {"fileUri": "u"}}]}}, "invalid_field", "content.parts[0]"),
        (
            {
                "requests": [
                    {"content": {"parts": [{"text": "a"}]}},
                    {"content": {"parts": [{"text": "a"}]}, "title": "t"},
                ]
            },
            "invalid_field",
            "requests[1]",
        ),
        ({"content": 1}, "invalid_field", "content"),
        ({"content": {"parts": 1}}, "invalid_field", "content.parts"),
    ],
)
def test_refusals_name_the_field(body: Any, code: str, param: str) -> None:
    assert refusal(lambda: read(body)) == (code, param)


def test_a_request_for_the_gemini_api_is_a_batch() -> None:
    request = EmbeddingRequest(
        format=Format.EMBEDDINGS,
        inputs=("a", (Text(text="b"), IMAGE)),
        dimensions=3,
        task="search_query",
        user="u",
        types=("float", "int8"),
    )
    body, lost = write(request)
    terms = {"model": "models/gemini-embedding-001", "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 3}
    assert body == {
        "requests": [
            {"content": {"parts": [{"text": "a"}]}, **terms},
            {
                "content": {
                    "parts": [{"text": "b"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]
                },
                **terms,
            },
        ]
    }
    assert lost == ["user", "encoding_format[1]"]
    assert faults("gemini", "BatchEmbedContentsRequest", body) == []


def test_vertex_takes_one() -> None:
    request = EmbeddingRequest(format=Format.EMBEDDINGS, inputs=("a",), dimensions=3)
    body, lost = write(request, VERTEX)
    assert body == {"content": {"parts": [{"text": "a"}]}, "embedContentConfig": {"outputDimensionality": 3}}
    assert lost == []
    assert faults("vertex", "EmbedContentRequest", body) == []
    two = EmbeddingRequest(format=Format.EMBEDDINGS, inputs=("a", "b"))
    assert refusal(lambda: write(two, VERTEX)) == ("invalid_field", "input")


def test_what_is_no_content_is_refused() -> None:
    tokens = EmbeddingRequest(format=Format.EMBEDDINGS, inputs=("a", (1, 2)))
    assert refusal(lambda: write(tokens)) == ("invalid_field", "input[1]")
    linked = EmbeddingRequest(format=Format.COHERE_EMBED, inputs=((Image(source=Source(url="u")),),))
    assert refusal(lambda: write(linked)) == ("invalid_field", "inputs[0]")


@pytest.mark.parametrize(
    ("format_", "task", "written", "lost"),
    [
        (Format.EMBEDDINGS, "clustering", "CLUSTERING", []),
        (Format.EMBEDDINGS, "code_retrieval_query", "CODE_RETRIEVAL_QUERY", []),
        (Format.EMBEDDINGS, "image", None, ["input_type"]),
        (Format.EMBED_CONTENT, "NEWER_TASK", "NEWER_TASK", []),
    ],
)
def test_tasks(format_: Format, task: str, written: str | None, lost: list[str]) -> None:
    body, found = write(EmbeddingRequest(format=format_, inputs=("a",), task=task))
    assert (body["requests"][0].get("taskType"), found) == (written, lost)


@pytest.mark.parametrize("single", [True, False])
def test_answers_come_back(single: bool) -> None:
    vectors = ((0.5, -1.0),) if single else ((0.5, -1.0), (2.0, 3.0))
    reply = EmbeddingReply(id="", model="", vectors={"float": vectors}, usage=Usage(input_tokens=4))
    request = EmbeddingRequest(format=Format.EMBED_CONTENT, inputs=("a", "b"), single=single)
    written = EMBED_CLIENT.write_answer(reply, asked(request), Losses())
    message = "EmbedContentResponse" if single else "BatchEmbedContentsResponse"
    assert faults("gemini", message, msgspec.json.decode(written)) == []
    assert EMBED_PROVIDER.read_answer(written) == reply
    assert EMBED_PROVIDER.summary(written).usage == Usage(input_tokens=4)


def test_what_is_no_answer() -> None:
    for body in (b"{}", b"[]", b'{"embedding":{"values":["a"]}}'):
        with pytest.raises(ValueError, match=r"\w"):
            EMBED_PROVIDER.read_answer(body)
    failed = b'{"error":{"code":400,"message":"no"}}'
    assert EMBED_PROVIDER.summary(failed).failed == 400
    assert PREDICT_PROVIDER.summary(failed).failed == 400
    assert EMBED_PROVIDER.summary(b"{}").usage is None


def test_mistakes_of_ours() -> None:
    request = EmbeddingRequest(format=Format.EMBED_CONTENT, inputs=("a",))
    with pytest.raises(TypeError):
        EMBED_CLIENT.write_answer(Reply(id="", model="", choices=()), asked(request), Losses())


def test_problems_and_text() -> None:
    headers, body = EMBED_CLIENT.write_problem(Problem(400, "no", "t", "invalid_field", "content", "r"))
    assert headers[0][0] == b"content-type"
    assert msgspec.json.decode(body)["error"]["status"] == "INVALID_ARGUMENT"
    said = {
        "requests": [
            {"content": {"parts": [{"text": "a"}]}},
            {"content": {"parts": {"text": "b"}}, "title": "t"},
        ]
    }
    assert EMBED_CLIENT.text(msgspec.json.encode(said)) == "a\nb\nt"


def test_predictions() -> None:
    request = EmbeddingRequest(
        format=Format.COHERE_EMBED,
        inputs=("a", (Text(text="b"), Text(text="c"))),
        dimensions=3,
        task="search_document",
        title="t",
        truncate="NONE",
        user="u",
    )
    body, lost = write(request, VERTEX, PREDICT_PROVIDER)
    terms = {"task_type": "RETRIEVAL_DOCUMENT", "title": "t"}
    assert body == {
        "instances": [{"content": "a", **terms}, {"content": "b\nc", **terms}],
        "parameters": {"outputDimensionality": 3, "autoTruncate": False},
    }
    assert lost == ["user"]
    answer = (
        b'{"predictions":[{"embeddings":{"values":[0.5],"statistics":{"truncated":false,"token_count":3.0}}},'
        b'{"embeddings":{"values":[1.5],"statistics":{"token_count":4}}}],"metadata":{"billableCharacterCount":9}}'
    )
    assert PREDICT_PROVIDER.read_answer(answer) == EmbeddingReply(
        id="", model="", vectors={"float": ((0.5,), (1.5,))}, usage=Usage(input_tokens=7)
    )
    assert PREDICT_PROVIDER.summary(answer).usage == Usage(input_tokens=7)
    assert PREDICT_PROVIDER.read_answer(b'{"predictions":[{"embeddings":{"values":[]}}]}').usage is None


def test_a_prediction_without_terms() -> None:
    request = EmbeddingRequest(format=Format.EMBEDDINGS, inputs=("a",))
    assert write(request, VERTEX, PREDICT_PROVIDER) == ({"instances": [{"content": "a"}]}, [])
