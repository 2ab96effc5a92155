"""Cohere's own SDK on the wire: its requests are read, and it reads what is written."""

from collections.abc import Callable

import cohere
import msgspec
import pytest
from cohere.errors import TooManyRequestsError
from tests.support.byte_server import ByteServer, Peer, Request, Script, byte_server, response
from tests.support.wire_targets import asked

from fastgate.domain.conversation import Image, Source, Text
from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest, Ranked, RerankReply, RerankRequest
from fastgate.domain.usage import Usage
from fastgate.wire.cohere import EMBED_CLIENT, RERANK_CLIENT
from fastgate.wire.interface import Losses, Problem

JSON = b"Content-Type: application/json"


def answering(answer: Callable[[bytes], bytes], status: bytes = b"200 OK") -> Script:
    async def script(peer: Peer) -> None:
        request = await peer.request()
        await peer.send(response(answer(request.body), JSON, status=status))

    return script


def client_of(server: ByteServer) -> cohere.AsyncClientV2:
    return cohere.AsyncClientV2(api_key="sk-fg-1", base_url=server.url())


def only(server: ByteServer) -> Request:
    (request,) = server.requests
    return request


async def test_embeddings() -> None:
    read: list[EmbeddingRequest] = []

    def answer(body: bytes) -> bytes:
        read.append(EMBED_CLIENT.read_request(body, None))
        reply = EmbeddingReply(
            id="a1",
            model="",
            vectors={"float": ((0.5, -0.25),), "int8": ((64.0, -32.0),)},
            usage=Usage(input_tokens=9, input_image_tokens=6),
        )
        return EMBED_CLIENT.write_answer(reply, asked(read[0]), Losses())

    async with byte_server(answering(answer)) as server:
        said = await client_of(server).embed(
            model="embed-v4.0",
            inputs=[
                cohere.EmbedInput.model_validate(
                    {
                        "content": [
                            {"type": "text", "text": "a"},
                            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                        ]
                    }
                )
            ],
            input_type="search_document",
            embedding_types=["float", "int8"],
            output_dimension=256,
            truncate="END",
        )
    assert only(server).line == b"POST /v2/embed HTTP/1.1"
    assert read[0].inputs == ((Text(text="a"), Image(source=Source(media_type="image/png", data="AAAA"))),)
    assert (read[0].task, read[0].truncate, read[0].dimensions) == ("search_document", "END", 256)
    assert read[0].extra == {}
    assert said.embeddings.float_ == [[0.5, -0.25]]
    assert said.embeddings.int8 == [[64, -32]]
    assert said.meta is not None
    assert said.meta.billed_units is not None
    assert (said.meta.billed_units.input_tokens, said.meta.billed_units.image_tokens) == (3, 6)


async def test_rankings() -> None:
    read: list[RerankRequest] = []

    def answer(body: bytes) -> bytes:
        read.append(RERANK_CLIENT.read_request(body, None))
        usage = Usage(other={"rerank_searches": 1})
        reply = RerankReply(id="r1", model="", results=(Ranked(1, 0.75), Ranked(0, 0.5)), usage=usage)
        return RERANK_CLIENT.write_answer(reply, asked(read[0]), Losses())

    async with byte_server(answering(answer)) as server:
        said = await client_of(server).rerank(
            model="rerank-v3.5", query="q", documents=["a", "b"], top_n=2, max_tokens_per_doc=100
        )
    assert only(server).line == b"POST /v2/rerank HTTP/1.1"
    request = read[0]
    assert (request.query, request.documents, request.top_n, request.max_tokens_per_doc) == (
        "q",
        ("a", "b"),
        2,
        100,
    )
    assert request.extra == {}
    assert [(each.index, each.relevance_score) for each in said.results] == [(1, 0.75), (0, 0.5)]
    assert said.meta is not None
    assert said.meta.billed_units is not None
    assert said.meta.billed_units.search_units == 1


async def test_errors() -> None:
    problem = Problem(429, "Slowly.", "rate_limit_error", "rate_limit_exceeded", None, "req-1")
    refuse = answering(lambda body: RERANK_CLIENT.write_problem(problem)[1], b"429 Too Many Requests")
    async with byte_server(refuse) as server:
        with pytest.raises(TooManyRequestsError) as refused:
            await client_of(server).rerank(
                model="m", query="q", documents=["a"], request_options={"max_retries": 0}
            )
    assert refused.value.body == {"message": "Slowly.", "id": "req-1"}
    assert msgspec.json.decode(only(server).body)["query"] == "q"
