"""The path table: which method on which path is which operation. Without a key, what is there says 401."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from blockbuster import BlockBuster
from tests.support.backends import backend, config
from tests.support.gateway_process import SECRET
from tests.support.in_process import Conversation, Plane, conversation, data_plane

from fastgate.api.operations import OPERATIONS, PREFIXES, STORED_RESPONSE

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW")


@pytest.fixture
async def plane(tmp_path: Path, _blockbuster: BlockBuster) -> AsyncIterator[Plane]:
    providers = {"gpt": backend("gpt", "gpt", "50%25", "a/b")}
    async with data_plane(tmp_path, config("http://127.0.0.1:1/v1", providers), _blockbuster) as plane:
        yield plane


async def ask(plane: Plane, method: str, path: str, secret: str = "") -> Conversation:
    talk = conversation(b"{}", secret, path=path, method=method)
    await plane.asgi(talk.scope, talk.receive, talk.send)
    assert talk.complete
    return talk


def code(talk: Conversation) -> str:
    return str(msgspec.json.decode(talk.answer)["error"]["code"])


PATHS: dict[str, set[str]] = {
    **{prefix + path: {"POST"} for prefix in PREFIXES for path in OPERATIONS},
    **{prefix + "/models": {"GET"} for prefix in PREFIXES},
    **{prefix + "/models/gpt": {"GET"} for prefix in PREFIXES},
    **{f"/openai/deployments/gpt{path}": {"POST"} for path in OPERATIONS},
    **{
        f"{prefix}/responses/resp_1" + (f"/{suffix}" if suffix else ""): {
            method for method, known in STORED_RESPONSE if known == suffix
        }
        for prefix in PREFIXES
        for _, suffix in STORED_RESPONSE
    },
}


@pytest.mark.parametrize("path", PATHS)
async def test_each_path_with_each_method(plane: Plane, path: str) -> None:
    for method in METHODS:
        talk = await ask(plane, method, path)
        if method in PATHS[path]:
            assert (talk.status, code(talk)) == (401, "missing_virtual_key"), method
            continue
        assert talk.status == 405, method
        assert set(talk.headers[b"allow"].decode().split(", ")) == PATHS[path]
        if method != "HEAD":
            assert code(talk) == "method_not_allowed"


@pytest.mark.parametrize(
    "path",
    [
        "/v1",
        "/v1/",
        "/v1//chat/completions",
        "/v1/chat/completions/",
        "/V1/chat/completions",
        "/v1/chat",
        "/v1/responses/",
        "/v1/responses/resp_1/other",
        "/v1/responses/resp_1/cancel/now",
        "/v1/responses/../models",
        "/openai/deployments/",
        "/openai/deployments/gpt",
        "/openai/deployments/gpt/models",
        "/openai/deployments//chat/completions",
        "/openai/v1/deployments/gpt/chat/completions",
        "/admin",
        "*",
        "",
    ],
)
async def test_paths_that_are_not_there(plane: Plane, path: str) -> None:
    for method in ("GET", "POST"):
        talk = await ask(plane, method, path)
        assert (talk.status, code(talk)) == (404, "unknown_path"), method


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready", "/metrics"])
async def test_pages_that_need_no_key(plane: Plane, path: str) -> None:
    assert (await ask(plane, "GET", path)).status == 200
    to_head = await ask(plane, "HEAD", path)
    assert (to_head.status, to_head.answer) == (200, b"")
    assert int(to_head.headers[b"content-length"]) > 0
    assert (await ask(plane, "POST", path)).headers[b"allow"] == b"GET, HEAD"


@pytest.mark.parametrize("name", ["gpt", "50%25", "a/b", "gpt/a/b"])
async def test_a_models_name_is_decoded_once(plane: Plane, name: str) -> None:
    """By the server: what it hands over stands for itself."""
    talk = await ask(plane, "GET", f"/v1/models/{name}", SECRET)
    assert (talk.status, msgspec.json.decode(talk.answer)["id"]) == (200, name)
    azure = await ask(plane, "POST", f"/openai/deployments/{name}/chat/completions", SECRET)
    assert (azure.status, code(azure)) == (502, "upstream_error"), "found, and nobody listens there"


async def test_an_unknown_path_is_counted_without_its_name(plane: Plane) -> None:
    await ask(plane, "GET", "/secret/path")
    metrics = (await ask(plane, "GET", "/metrics")).answer
    assert b'fastgate_requests_total{endpoint="other",model="none",provider="none",status="404"}' in metrics
    assert b"/secret/path" not in metrics


async def test_a_draining_worker_takes_no_new_calls(plane: Plane) -> None:
    plane.data.start_drain()
    for path in ("/v1/chat/completions", "/openai/deployments/gpt/chat/completions"):
        talk = await ask(plane, "POST", path, SECRET)
        assert (talk.status, code(talk)) == (503, "draining")
        assert talk.headers[b"connection"] == b"close"
    assert code(await ask(plane, "GET", "/v1/responses/resp_1", SECRET)) == "draining"
    assert (await ask(plane, "GET", "/health/ready")).status == 503
    assert (await ask(plane, "GET", "/health/live")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1beta/models", 200),
        ("GET", "/genai/v1/models/gpt", 200),
        ("POST", "/v1beta/models/gpt:generateContent", 400),
        ("POST", "/v1beta/models/gpt:embedContent", 400),
        ("POST", "/v1beta/models/gpt:countTokens", 400),
        ("GET", "/v1/models", 401),
        ("POST", "/v1/chat/completions", 401),
    ],
)
async def test_a_key_in_the_query_is_geminis_way(plane: Plane, method: str, path: str, status: int) -> None:
    """400: what it is the key for is read, and the body is none of Gemini's."""
    talk = conversation(b'{"contents":1,"content":1}', "", path=path, method=method)
    talk.scope["headers"] = []
    talk.scope["query_string"] = b"alt=json&key=" + SECRET.encode()
    await plane.asgi(talk.scope, talk.receive, talk.send)
    assert talk.status == status, talk.answer
