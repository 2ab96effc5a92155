"""Rankings in both shapes, on both kinds of providers."""

from collections.abc import Callable
from typing import Any

import cohere
import msgspec
import pytest
from cohere.types.rerank_response import RerankResponse
from tests.support.cohere_schema import check_request
from tests.support.wire_targets import asked, target

from fastgate.domain.embedding import Ranked, RerankReply, RerankRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire import cohere as cohere_wire
from fastgate.wire import rerank
from fastgate.wire.interface import ClientFormat, Losses, Problem, ProviderFormat

CLIENTS: list[ClientFormat] = [rerank.CLIENT, cohere_wire.RERANK_CLIENT]
PROVIDERS: list[ProviderFormat] = [rerank.PROVIDER, cohere_wire.RERANK_PROVIDER]
RESULTS = [{"index": 1, "relevance_score": 0.75}, {"index": 0, "relevance_score": 0.25}]
ANSWERS: dict[Format, dict[str, Any]] = {
    Format.RERANK: {
        "id": "r1",
        "model": "provided",
        "results": RESULTS,
        "usage": {"total_tokens": 9, "prompt_tokens": 9},
    },
    Format.COHERE_RERANK: {"id": "r1", "results": RESULTS, "meta": {"billed_units": {"search_units": 1.0}}},
}
USAGES = {
    Format.RERANK: Usage(input_tokens=9),
    Format.COHERE_RERANK: Usage(other={"rerank_searches": 1}),
}


def read(client: ClientFormat, **fields: Any) -> RerankRequest:
    body = {"model": "m", "query": "q", "documents": ["a", {"text": "b", "title": "t"}], **fields}
    request = client.read_request(msgspec.json.encode(body), None)
    assert isinstance(request, RerankRequest)
    return request


def check_cohere(body: Any) -> None:
    check_request("/v2/rerank", body)
    assert body["documents"] == ["a", "b"]


def check_common(body: Any) -> None:
    assert body["documents"] == ["a", {"text": "b", "title": "t"}]
    assert body["return_documents"] is False


CHECKS: dict[Format, Callable[[Any], None]] = {
    Format.RERANK: check_common,
    Format.COHERE_RERANK: check_cohere,
}


def scores_of_cohere(body: bytes) -> list[tuple[int, float]]:
    answer = cohere.V2RerankResponse.model_validate(msgspec.json.decode(body))
    assert answer.id == "r1"
    return [(each.index, each.relevance_score) for each in answer.results]


def scores_of_common(body: bytes) -> list[tuple[int, float]]:
    answer = msgspec.json.decode(body)
    assert answer["id"] == "r1"
    assert set(answer) == {"id", "model", "usage", "results"}
    RerankResponse.model_validate(answer)  # the first version of Cohere's API has the same results
    return [(each["index"], each["relevance_score"]) for each in answer["results"]]


SCORES: dict[Format, Callable[[bytes], list[tuple[int, float]]]] = {
    Format.RERANK: scores_of_common,
    Format.COHERE_RERANK: scores_of_cohere,
}


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.format)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda each: each.format)
def test_pair(client: ClientFormat, provider: ProviderFormat) -> None:
    request = read(client, top_n=2)
    body = msgspec.json.decode(msgspec.json.encode(provider.write_request(request, target(), Losses())))
    CHECKS[provider.format](body)
    assert (body["query"], body["model"], body["top_n"]) == ("q", "m-1", 2)
    answer = msgspec.json.encode(ANSWERS[provider.format])
    reply = provider.read_answer(answer)
    assert isinstance(reply, RerankReply)
    assert reply.results == (Ranked(1, 0.75), Ranked(0, 0.25))
    summary = provider.summary(answer)
    assert reply.usage == summary.usage == USAGES[provider.format]
    assert summary.id == "r1"
    assert SCORES[client.format](client.write_answer(reply, asked(request), Losses())) == [
        (1, 0.75),
        (0, 0.25),
    ]


@pytest.mark.parametrize(
    ("client", "said", "repeated"),
    [
        (rerank.CLIENT, None, True),
        (rerank.CLIENT, False, False),
        (rerank.CLIENT, True, True),
        (cohere_wire.RERANK_CLIENT, None, False),
        (cohere_wire.RERANK_CLIENT, True, True),
    ],
)
def test_documents_are_repeated_by_the_gateway(
    client: ClientFormat, said: bool | None, repeated: bool
) -> None:
    request = read(client, **({} if said is None else {"return_documents": said}))
    reply = RerankReply(id="", model="", results=(Ranked(1, 1.0), Ranked(0, 0.5), Ranked(9, 0.1)))
    body = msgspec.json.decode(client.write_answer(reply, asked(request), Losses()))
    documents = [each.get("document") for each in body["results"]]
    assert documents == ([{"text": "b", "title": "t"}, {"text": "a"}, {}] if repeated else [None] * 3)
    assert body["id"] == "fallback-id"


def test_fields() -> None:
    request = read(
        rerank.CLIENT,
        max_tokens_per_doc=7,
        rank_fields=["text"],
        provider_options={"cohere": {"priority": 2}},
    )
    assert set(request.extra) == {"rank_fields"}
    assert bytes(request.options["cohere"]["priority"]) == b"2"
    losses = Losses()
    rerank.PROVIDER.write_request(request, target(), losses)
    assert losses.names == ["max_tokens_per_doc"]
    assert cohere_wire.RERANK_PROVIDER.write_request(request, target(), Losses())["max_tokens_per_doc"] == 7


@pytest.mark.parametrize("client", CLIENTS, ids=lambda each: each.format)
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"query": 7}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": ["a", 7]}, "documents[1]"),
        ({"top_n": 0}, "top_n"),
    ],
)
def test_refusals(client: ClientFormat, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as refused:
        read(client, **fields)
    assert (refused.value.code, refused.value.param) == ("invalid_field", param)


def test_a_document_without_text() -> None:
    request = read(rerank.CLIENT, documents=["a", {"image": "https://x.example"}])
    with pytest.raises(GatewayError, match="ranks texts") as refused:
        cohere_wire.RERANK_PROVIDER.write_request(request, target(), Losses())
    assert refused.value.param == "documents[1]"
    body = rerank.PROVIDER.write_request(request, target(), Losses())
    assert body["documents"][1] == {"image": "https://x.example"}


def test_a_document_that_is_its_text() -> None:
    request = read(rerank.CLIENT, documents=[{"text": "a"}])
    assert rerank.PROVIDER.write_request(request, target(), Losses())["documents"] == ["a"]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"index":0,"score":0.25},{"index":1,"score":0.75}]',  # text-embeddings-inference
        b'{"object":"list","data":[{"index":0,"relevance_score":0.25},{"index":1,"relevance_score":0.75}]}',
    ],
)
def test_answers_of_other_servers(body: bytes) -> None:
    assert rerank.PROVIDER.read_answer(body).results == (Ranked(1, 0.75), Ranked(0, 0.25))
    assert rerank.PROVIDER.summary(body).failed == 0


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda each: each.format)
@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"results":[{"index":0}]}', b'{"results":7}'])
def test_what_is_no_answer(provider: ProviderFormat, body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  msgspec's errors are meant, whatever they say
        provider.read_answer(body)
    assert provider.summary(body).usage is None


def test_an_error_inside_a_200() -> None:
    summary = rerank.PROVIDER.summary(b'{"error":{"message":"no","code":404}}')
    assert (summary.failed, summary.message) == (404, "no")
    assert rerank.PROVIDER.summary(b"<html>").failed == 502
    assert cohere_wire.RERANK_PROVIDER.summary(b"<html>").failed == 502


@pytest.mark.parametrize("client", CLIENTS, ids=lambda each: each.format)
def test_text_to_count(client: ClientFormat) -> None:
    assert client.text(b'{"query":"q","documents":["a",{"text":"b"},{"image":"i"}]}') == "q\na\nb"
    assert client.text(msgspec.json.encode(ANSWERS[Format.RERANK])) == ""
    assert client.text(b'{"query":7}') == ""


def test_problems() -> None:
    problem = Problem(400, "No.", "invalid_request_error", "invalid_field", "query", "r1")
    assert b'"param":"query"' in rerank.CLIENT.write_problem(problem)[1]
    assert msgspec.json.decode(cohere_wire.RERANK_CLIENT.write_problem(problem)[1]) == {
        "message": "No.",
        "id": "r1",
    }
