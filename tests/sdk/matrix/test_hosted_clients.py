"""The SDKs' clients for a vendor's models at another host: they ask other paths, in the same formats."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from anthropic import AnthropicBedrock, AnthropicVertex
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials
from openai import AzureOpenAI
from tests.sdk.matrix.conftest import Stage
from tests.sdk.matrix.upstreams import EMBEDDERS, UPSTREAMS
from tests.support.gateway_process import SECRET
from tests.support.vendors.scenes import VECTOR

pytestmark = pytest.mark.sdk

_ASK: Final = "SCENE-text"
_TEXT: Final = "Good morning, 你好 🦊."
_MODELS: Final = pytest.mark.parametrize(
    "model", [each.model for each in UPSTREAMS.values()], ids=[*UPSTREAMS]
)


@contextmanager
def _all_valid(stage: Stage) -> Iterator[None]:
    yield
    assert stage.upstreams.refused == [], stage.upstreams.refused.pop()


@_MODELS
def test_azure_openai(stage: Stage, model: str) -> None:
    messages: Any = [{"role": "user", "content": _ASK}]
    options: Any = {"azure_endpoint": stage.gateway.url, "api_version": "2024-10-21", "api_key": SECRET}
    with _all_valid(stage), AzureOpenAI(**options, _strict_response_validation=True) as client:
        answer = client.chat.completions.create(model=model, messages=messages)
        assert answer.choices[0].message.content == _TEXT
        stream = client.chat.completions.create(model=model, messages=messages, stream=True)
        deltas = [choice.delta.content or "" for chunk in stream for choice in chunk.choices]
        assert "".join(deltas) == _TEXT


def test_embeddings_of_azure_openai(stage: Stage) -> None:
    options: Any = {"azure_endpoint": stage.gateway.url, "api_version": "2024-10-21", "api_key": SECRET}
    with _all_valid(stage), AzureOpenAI(**options) as client:
        answer = client.embeddings.create(model=EMBEDDERS["ollama"], input="one")
    assert answer.data[0].embedding == list(VECTOR)


def _asked(model: str) -> Any:
    return {"model": model, "messages": [{"role": "user", "content": _ASK}]}


def _claude(client: AnthropicBedrock | AnthropicVertex, model: str) -> None:
    asked: Any = {**_asked(model), "max_tokens": 9}
    answer = client.messages.create(**asked)
    assert [block.text for block in answer.content if block.type == "text"] == [_TEXT]
    with client.messages.stream(**asked) as events:
        assert events.get_final_text() == _TEXT


@_MODELS
def test_anthropic_bedrock(stage: Stage, model: str) -> None:
    if model == UPSTREAMS["bedrock-nova"].model:
        pytest.skip("a body for InvokeModel is of one model's own format, and Claude's is not Nova's")
    options: Any = {"base_url": stage.gateway.url, "aws_access_key": SECRET, "aws_secret_key": "any"}
    strict: Any = {"aws_region": "us-east-1", "_strict_response_validation": True}
    with _all_valid(stage), AnthropicBedrock(**options, **strict, max_retries=0) as client:
        _claude(client, model)


@_MODELS
def test_anthropic_vertex(stage: Stage, model: str) -> None:
    options: Any = {"base_url": f"{stage.gateway.url}/v1", "access_token": SECRET, "project_id": "any"}
    strict: Any = {"region": "europe-west1", "_strict_response_validation": True}
    with _all_valid(stage), AnthropicVertex(**options, **strict, max_retries=0) as client:
        _claude(client, model)
        assert client.messages.count_tokens(**_asked(model)).input_tokens > 0


@_MODELS
def test_genai_on_vertex(stage: Stage, model: str) -> None:
    options = types.HttpOptions(base_url=stage.gateway.url)
    credentials = Credentials(token=SECRET)
    place: Any = {"vertexai": True, "project": "any", "location": "europe-west1"}
    with _all_valid(stage), genai.Client(**place, credentials=credentials, http_options=options) as client:
        assert client.models.generate_content(model=model, contents=_ASK).text == _TEXT
        chunks = client.models.generate_content_stream(model=model, contents=_ASK)
        assert "".join(chunk.text or "" for chunk in chunks) == _TEXT
