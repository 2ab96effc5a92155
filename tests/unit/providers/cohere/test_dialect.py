"""Cohere's dialect: where requests go, and what its answers mean."""

import msgspec
import pytest

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind
from fastgate.domain.format import CONVERSATIONS, EMBEDDINGS, RERANKS, Format
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.domain.usage import Usage
from fastgate.providers.cohere import CohereDialect
from fastgate.providers.interface import RequestPlan

DIALECT = CohereDialect()
PROVIDER = Provider(name="cohere", dialect="cohere", auth_header="authorization", auth_prefix="Bearer ")


def plan(format_: Format, path: str, endpoint: Endpoint, *, translated: bool) -> RequestPlan:
    return RequestPlan(
        method=b"POST",
        path=path,
        endpoint=endpoint,
        format=format_,
        translated=translated,
        stream=False,
        provider=PROVIDER,
        deployment=Deployment(
            id="cohere/m",
            provider="cohere",
            model="m",
            upstream_model=None,
            base_url="https://api.cohere.com",
        ),
        model="m",
        secret="co-1",
        content_type=b"application/json",
        query="a=b",
        headers=((b"anthropic-version", b"x"), (b"x-client-name", b"me")),
        heads={},
    )


@pytest.mark.parametrize(
    ("family", "spoken"),
    [
        (CONVERSATIONS, Format.COHERE_CHAT),
        (EMBEDDINGS, Format.COHERE_EMBED),
        (RERANKS, Format.COHERE_RERANK),
    ],
)
def test_one_format_of_each_family(family: frozenset[Format], spoken: Format) -> None:
    assert {DIALECT.format_for(wanted, PROVIDER, "m") for wanted in family} == {spoken}


@pytest.mark.parametrize(
    ("planned", "target"),
    [
        (plan(Format.COHERE_CHAT, "/chat/completions", Endpoint.CHAT, translated=True), b"/v2/chat"),
        (plan(Format.COHERE_EMBED, "/embeddings", Endpoint.EMBEDDINGS, translated=True), b"/v2/embed"),
        (plan(Format.COHERE_RERANK, "/rerank", Endpoint.RERANK, translated=True), b"/v2/rerank"),
        (plan(Format.COHERE_EMBED, "/v2/embed", Endpoint.COHERE_EMBED, translated=False), b"/v2/embed?a=b"),
    ],
)
def test_the_head(planned: RequestPlan, target: bytes) -> None:
    first, *rest = DIALECT.build_head(planned, b"{}")[:-4].split(b"\r\n")
    assert first == b"POST %b HTTP/1.1" % target
    assert {b"host: api.cohere.com", b"authorization: Bearer co-1", b"content-length: 2"} <= set(rest)
    assert b"x-client-name: me" in rest
    assert not any(line.startswith(b"anthropic-version") for line in rest)
    assert DIALECT.adapt(planned) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.CLIENT_ERROR),
        (401, FailureKind.CREDENTIAL_REJECTED),
        (403, FailureKind.CREDENTIAL_REJECTED),
        (404, FailureKind.CLIENT_ERROR),
        (422, FailureKind.CLIENT_ERROR),
        (429, FailureKind.RATE_LIMITED),
        (498, FailureKind.CLIENT_ERROR),  # a text that Cohere does not allow
        (500, FailureKind.SERVER_ERROR),
        (503, FailureKind.SERVER_ERROR),
        (504, FailureKind.SERVER_ERROR),
    ],
)
def test_errors(status: int, kind: FailureKind) -> None:
    error = DIALECT.classify_error(status, ((b"retry-after", b"7"),), b'{"message":"no","id":"x"}')
    assert (error.kind, error.status, error.retry_after_s) == (kind, status, 7.0)


@pytest.mark.parametrize(
    ("endpoint", "body", "usage"),
    [
        (
            Endpoint.COHERE_EMBED,
            {"id": "a", "embeddings": {"float": [[1]]}, "meta": {"billed_units": {"input_tokens": 3}}},
            Usage(input_tokens=3),
        ),
        (
            Endpoint.COHERE_RERANK,
            {"id": "a", "results": [], "meta": {"billed_units": {"search_units": 1}}},
            Usage(other={"rerank_searches": 1}),
        ),
    ],
)
def test_answers_that_pass_through(endpoint: Endpoint, body: object, usage: Usage) -> None:
    answer = DIALECT.read_answer(endpoint, msgspec.json.encode(body))
    assert (answer.usage, answer.response_id, answer.error) == (usage, "a", None)


def test_a_page_of_an_intermediary_is_no_answer() -> None:
    answer = DIALECT.read_answer(Endpoint.COHERE_EMBED, b"<html>")
    assert answer.error is not None
    assert answer.error.kind is FailureKind.PROTOCOL


def test_a_stream_that_nobody_should_have_asked_for_is_relayed() -> None:
    decoder = DIALECT.stream_decoder(Endpoint.COHERE_EMBED, 1)
    decoder.event(b"data: {}\n\n")
    assert decoder.complete()
