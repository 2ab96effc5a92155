"""Azure on both sides, its paths from clients and its URLs to providers; and the other forms of `/v1`."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from tests.support import replies
from tests.support.backends import backend, config, error_code
from tests.support.builders import chat_completion
from tests.support.gateway_process import SECRET
from tests.support.gateway_rig import GatewayRig
from tests.support.raw_client import chat_body, request

VERSION = "2024-10-21"
MESSAGES = b'{"messages":[{"role":"user","content":"Hi"}]}'


def configuration(url: str) -> dict[str, Any]:
    root = url.removesuffix("/v1")
    azure = backend("azure", "gpt-4o", "mini")
    del azure["dialect"]
    deployments = {
        "url_style": "deployments",
        "api_version": VERSION,
        "auth_header": "api-key",
        "auth_prefix": "",
    }
    return config(
        url,
        {
            "gpt": backend("gpt"),
            "azure": {**azure, "base_url": root},
            "old": {**backend("old", "my deployment", **deployments), "base_url": f"{root}/openai/"},
        },
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("azure"), configuration) as rig:
        yield rig


@pytest.fixture
def rig(shared: GatewayRig) -> Iterator[GatewayRig]:
    yield shared
    shared.check()


@pytest.fixture
async def sdk(rig: GatewayRig) -> AsyncIterator[openai.AsyncAzureOpenAI]:
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=rig.url,
        api_version=VERSION,
        api_key=SECRET,
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


# --- from clients ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["/v1", "", "/openai/v1", "/openai"])
async def test_the_prefixes(rig: GatewayRig, prefix: str) -> None:
    response, upstream = await rig.answered(
        request(chat_body(model="gpt"), path=f"{prefix}/chat/completions")
    )
    assert response.json()["object"] == "chat.completion"
    assert upstream.target == "/v1/chat/completions"
    models = await rig.exchange(request(method="GET", path=f"{prefix}/models"))
    assert "gpt" in {model["id"] for model in models.json()["data"]}
    model = await rig.exchange(request(method="GET", path=f"{prefix}/models/gpt%2Fgpt"))
    assert model.json()["id"] == "gpt/gpt"


@pytest.mark.parametrize(
    ("path", "model", "body"),
    [
        ("gpt", "gpt", MESSAGES),
        ("gpt", "gpt", chat_body(model="mini")),
        ("azure%2Fmini", "mini", MESSAGES),
        ("my%20deployment", "my deployment", MESSAGES),
    ],
    ids=["no model in the body", "another model in the body", "provider and model", "a space"],
)
async def test_the_deployment_in_the_path_is_the_model(
    rig: GatewayRig, path: str, model: str, body: bytes
) -> None:
    target = f"/openai/deployments/{path}/chat/completions?api-version={VERSION}"
    data = request(body, ("api-key", SECRET), path=target, secret=None)
    _, upstream = await rig.answered(data)
    assert upstream.json()["model"] == model
    assert upstream.json()["messages"] == [{"role": "user", "content": "Hi"}]


async def test_the_version_stays_here(rig: GatewayRig) -> None:
    target = f"/openai/deployments/gpt/chat/completions?api-version={VERSION}"
    _, upstream = await rig.answered(request(MESSAGES, path=target))
    assert upstream.target == "/v1/chat/completions"


async def test_azures_sdk(rig: GatewayRig, sdk: openai.AsyncAzureOpenAI) -> None:
    rig.provider.script(replies.chat_stream(["Hel", "lo"]), times=1)
    user: Any = [{"role": "user", "content": "Hi"}]
    stream = await sdk.chat.completions.create(model="gpt", messages=user, stream=True)
    text = "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
    assert text == "Hello"
    rig.provider.script(replies.json_reply(chat_completion("Hello")))
    completion = await sdk.chat.completions.create(model="gpt", messages=user)
    assert completion.choices[0].message.content == "Hello"
    embedding = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "model": "gpt",
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }
    rig.provider.script(replies.json_reply(embedding), path="/v1/embeddings")
    answer = await sdk.embeddings.create(model="gpt", input="Hi", encoding_format="float")
    assert answer.data[0].embedding == [0.5]


async def test_azures_sdk_sends_a_file(rig: GatewayRig, sdk: openai.AsyncAzureOpenAI) -> None:
    rig.provider.script(replies.json_reply({"text": "Hello"}), path="/v1/audio/transcriptions")
    answer = await sdk.audio.transcriptions.create(model="gpt", file=("a.wav", b"RIFF\r\n"))
    assert answer.text == "Hello"
    assert b"RIFF\r\n" in rig.provider.requests[0].body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/openai/deployments/gpt/chat/completions", 405, "method_not_allowed"),
        ("POST", "/openai/deployments/gpt/other", 404, "unknown_path"),
        ("POST", "/openai/deployments//chat/completions", 404, "unknown_path"),
        ("POST", "/openai/deployments/gpt", 404, "unknown_path"),
        ("POST", "/openai/deployments/nobody/chat/completions", 404, "model_not_found"),
    ],
)
async def test_paths_and_methods_that_are_not_there(
    rig: GatewayRig, method: str, path: str, status: int, code: str
) -> None:
    response = await rig.exchange(request(MESSAGES, method=method, path=path))
    assert (response.status, error_code(response.body)) == (status, code)
    assert (response.header("allow") is not None) == (status == 405)
    assert rig.provider.requests == []


# --- to providers ----------------------------------------------------------------------------------------


async def test_the_v1_style(rig: GatewayRig) -> None:
    _, upstream = await rig.answered(request(chat_body(model="azure/gpt-4o")))
    assert upstream.target == "/openai/v1/chat/completions"
    assert upstream.json()["model"] == "gpt-4o"
    assert upstream.header("api-key") == "secret-of-azure"
    assert upstream.header("authorization") is None


async def test_the_style_with_deployments(rig: GatewayRig) -> None:
    _, upstream = await rig.answered(request(chat_body(model="my deployment")))
    assert upstream.target == f"/openai/deployments/my%20deployment/chat/completions?api-version={VERSION}"
    assert upstream.header("api-key") == "secret-of-old"
    body = b'{"model":"my deployment","input":"Hi"}'
    rig.provider.script(replies.json_reply({"object": "list", "data": []}))
    _, upstream = await rig.answered(request(body, path="/v1/embeddings"))
    assert upstream.target == f"/openai/deployments/my%20deployment/embeddings?api-version={VERSION}"
