"""A provider's refusal on its way to the client: its words, in the dialect's shape, without any secret."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from blockbuster import BlockBuster
from tests.support.backends import backend, config
from tests.support.builders import error_body, head, response
from tests.support.byte_server import answering, byte_server
from tests.support.gateway_process import SECRET
from tests.support.in_process import Conversation, conversation, data_plane
from tests.support.raw_client import chat_body

OTHER_SECRET = "another-credentials-secret"


@pytest.fixture
def ask(tmp_path: Path, _blockbuster: BlockBuster) -> Any:
    @asynccontextmanager
    async def asked(answer: bytes, **provider: Any) -> AsyncIterator[Conversation]:
        async with byte_server(answering(answer)) as upstream:
            credentials = [
                {"id": "main", "secret": "secret-of-gpt", "weight": 1000},
                {"id": "short", "secret": "model", "models": ["none"]},
                {"id": "other", "secret": OTHER_SECRET, "models": ["none"]},
            ]
            configuration = config(
                f"{upstream.url()}/v1", {"gpt": backend("gpt", credentials=credentials, **provider)}
            )
            async with data_plane(tmp_path, configuration, _blockbuster) as plane:
                talk = conversation(chat_body(model="gpt"), SECRET)
                await plane.asgi(talk.scope, talk.receive, talk.send)
        yield talk

    return asked


async def test_the_dialects_own_shape_passes_as_it_is(ask: Any) -> None:
    odd = b'{ "error" : {"message":"No \\u00e4","type":"t","param":["x"],"code":7, "more":1} }\n'
    async with ask(response(422, odd)) as talk:
        assert (talk.status, talk.answer) == (422, odd)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":"no such model"}', "no such model"),
        (b'{"message":"bad input","error":null}', "bad input"),
        (b'{"error":{"message":"half a shape"}}', "half a shape"),
        (b'{"detail":[{"message":"of a list"}]}', "of a list"),
        (b'{"detail":"of FastAPI"}', "of FastAPI"),
        (b"<html>nginx</html>", "The provider refused the request with status 400."),
        (b"", "The provider refused the request with status 400."),
        (b"\xff\xfe", "The provider refused the request with status 400."),
        (b'{"error":' * 5000, "The provider refused the request with status 400."),
        (b"[" * 100_000, "The provider refused the request with status 400."),
    ],
)
async def test_another_shape_is_put_into_it(ask: Any, body: bytes, message: str) -> None:
    async with ask(response(400, body)) as talk:
        assert talk.status == 400
        assert msgspec.json.decode(talk.answer) == error_body(message, "invalid_request_error")


@pytest.mark.parametrize("secret", ["secret-of-gpt", OTHER_SECRET])
async def test_a_secret_that_the_provider_repeats(ask: Any, secret: str) -> None:
    said = error_body(f"Key {secret} may not; {secret}!", "invalid_request_error", "no")
    async with ask(response(400, said)) as talk:
        assert secret.encode() not in talk.answer
        assert msgspec.json.decode(talk.answer)["error"]["message"] == "Key [redacted] may not; [redacted]!"


async def test_a_placeholder_is_no_secret(ask: Any) -> None:
    """The credential `short` is `model`, which may well be a word of the message."""
    async with ask(response(404, error_body("The model is gone.", "invalid_request_error"))) as talk:
        assert msgspec.json.decode(talk.answer)["error"]["message"] == "The model is gone."


async def test_the_headers_of_a_refusal(ask: Any) -> None:
    body = msgspec.json.encode(error_body("No."))
    fields = [("content-type", "text/weird"), ("x-request-id", "r-1"), ("set-cookie", "a=b")]
    async with ask(head(400, [*fields, ("content-length", str(len(body)))]) + body) as talk:
        headers = talk.headers
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"x-fastgate-upstream-request-id"] == b"r-1"
    assert b"set-cookie" not in headers
    assert headers[b"x-fastgate-attempts"] == b"gpt/gpt:main=client_error(400)"


async def test_an_answer_that_cannot_be_used_says_nothing_of_the_upstream(ask: Any) -> None:
    async with ask(response(302, b"", [("location", "http://inside.example/")])) as talk:
        assert talk.status == 502
        assert b"inside.example" not in talk.answer
