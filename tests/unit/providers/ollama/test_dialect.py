"""Ollama's own dialect: where requests go, and what its errors mean."""

import pytest

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind
from fastgate.domain.format import CONVERSATIONS, EMBEDDINGS, RERANKS, Format
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.providers.interface import RequestPlan
from fastgate.providers.ollama import OllamaDialect

DIALECT = OllamaDialect()
PROVIDER = Provider(name="ollama", dialect="ollama", auth_header="authorization", auth_prefix="Bearer ")


def plan(format_: Format | None) -> RequestPlan:
    return RequestPlan(
        method=b"POST",
        path="/chat/completions",
        endpoint=Endpoint.CHAT,
        format=format_,
        translated=True,
        stream=False,
        provider=PROVIDER,
        deployment=Deployment(
            id="ollama/m",
            provider="ollama",
            model="m",
            upstream_model=None,
            base_url="http://127.0.0.1:11434",
        ),
        model="m",
        secret=None,
        content_type=b"application/json",
        query="a=b",
        headers=((b"openai-beta", b"x"),),
        heads={},
    )


@pytest.mark.parametrize(
    ("family", "spoken"),
    [(CONVERSATIONS, Format.OLLAMA_CHAT), (EMBEDDINGS, Format.OLLAMA_EMBED), (RERANKS, None)],
)
def test_one_format_of_each_family(family: frozenset[Format], spoken: Format | None) -> None:
    assert {DIALECT.format_for(wanted, PROVIDER, "m") for wanted in family} == {spoken}


@pytest.mark.parametrize(
    ("format_", "target"), [(Format.OLLAMA_CHAT, b"/api/chat"), (Format.OLLAMA_EMBED, b"/api/embed")]
)
def test_the_head(format_: Format, target: bytes) -> None:
    first, *rest = DIALECT.build_head(plan(format_), b"{}")[:-4].split(b"\r\n")
    assert first == b"POST %b HTTP/1.1" % target
    assert b"host: 127.0.0.1:11434" in rest
    assert not any(line.startswith((b"authorization", b"openai-beta")) for line in rest)
    assert DIALECT.adapt(plan(format_)) is None


def test_there_is_nothing_else() -> None:
    with pytest.raises(ValueError, match="has not"):
        DIALECT.build_head(plan(None), b"{}")
    with pytest.raises(TypeError, match="nothing passes through"):
        DIALECT.stream_decoder(Endpoint.CHAT, 1)
    with pytest.raises(TypeError, match="nothing passes through"):
        DIALECT.read_answer(Endpoint.CHAT, b"{}")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, FailureKind.CLIENT_ERROR),
        (404, FailureKind.CLIENT_ERROR),  # a model that has not been pulled
        (500, FailureKind.SERVER_ERROR),
        (503, FailureKind.SERVER_ERROR),  # its queue is full
    ],
)
def test_errors(status: int, kind: FailureKind) -> None:
    assert DIALECT.classify_error(status, (), b'{"error":"no"}').kind is kind
