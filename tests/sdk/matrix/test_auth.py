"""Each SDK's own way to present its key, with the virtual key in it; and the gateway's own header."""

from collections.abc import Callable
from typing import Any, Final

import boto3
import httpx
import pytest
from anthropic import Anthropic, AuthenticationError
from botocore.exceptions import ClientError
from google import genai
from google.genai import errors
from openai import OpenAI
from tests.sdk.matrix.conftest import Stage
from tests.support.gateway_process import SECRET

pytestmark = pytest.mark.sdk

_MODEL: Final = "gpt-5"
_OURS: Final = "x-fg-virtual-key"
_TEXT: Final = "SCENE-text"
_GENERATE: Final = f"/v1beta/models/{_MODEL}:generateContent"
_CONTENTS: Final = {"contents": [{"role": "user", "parts": [{"text": _TEXT}]}]}


def _openai(url: str, key: str, **more: Any) -> str:
    with OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, **more) as client:
        answer = client.chat.completions.create(model=_MODEL, messages=[{"role": "user", "content": _TEXT}])
    return answer.choices[0].message.content or ""


def _anthropic(url: str, **more: Any) -> str:
    with Anthropic(base_url=url, max_retries=0, **more) as client:
        answer = client.messages.create(
            model=_MODEL, max_tokens=9, messages=[{"role": "user", "content": _TEXT}]
        )
    (block,) = answer.content
    assert block.type == "text"
    return block.text


def _bearer(url: str, key: str) -> str:
    return _openai(url, key)


def _auth_token(url: str, key: str) -> str:
    return _anthropic(url, auth_token=key)


def _x_api_key(url: str, key: str) -> str:
    """As the SDK before 2.0 sends it."""
    return _anthropic(url, api_key="unused", default_headers={"authorization": "", "x-api-key": key})


def _goog_api_key(url: str, key: str) -> str:
    with genai.Client(api_key=key, http_options={"base_url": url}) as client:
        return client.models.generate_content(model=_MODEL, contents=_TEXT).text or ""


def _query(url: str, key: str) -> str:
    """As Google's own examples with curl have it."""
    answer = httpx.post(url + _GENERATE, params={"key": key}, json=_CONTENTS).raise_for_status().json()
    text: str = answer["candidates"][0]["content"]["parts"][0]["text"]
    return text


def _converse(url: str, access_key: str, headers: dict[str, str]) -> str:
    session = boto3.Session(
        aws_access_key_id=access_key, aws_secret_access_key="any", region_name="us-east-1"
    )
    client = session.client("bedrock-runtime", endpoint_url=url)

    def add(request: Any, **_: Any) -> None:
        for name, value in headers.items():
            request.headers[name] = value

    client.meta.events.register("before-send.bedrock-runtime.*", add)
    try:
        answer = client.converse(modelId=_MODEL, messages=[{"role": "user", "content": [{"text": _TEXT}]}])
    finally:
        client.close()
    text: str = answer["output"]["message"]["content"][0]["text"]
    return text


def _sigv4(url: str, key: str) -> str:
    return _converse(url, key, {})


def _own_header_beside_sigv4(url: str, key: str) -> str:
    return _converse(url, "AKIAIOSFODNN7EXAMPLE", {_OURS: key})


def _own_header_beside_bearer(url: str, key: str) -> str:
    return _openai(url, "sk-another", default_headers={_OURS: key})


_WAYS: Final = [
    _bearer,
    _auth_token,
    _x_api_key,
    _goog_api_key,
    _query,
    _sigv4,
    _own_header_beside_sigv4,
    _own_header_beside_bearer,
]
Way = Callable[[str, str], str]


@pytest.mark.parametrize("way", _WAYS)
def test_the_virtual_key_is_found(stage: Stage, way: Way) -> None:
    assert way(stage.gateway.url, SECRET) == "Good morning, 你好 🦊."


@pytest.mark.parametrize("way", _WAYS)
def test_a_wrong_one_is_the_sdks_own_error(stage: Stage, way: Way) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one it is, is what is looked at below
        way(stage.gateway.url, "sk-wrong-0123456789abcdef0123456789abcdef")
    error = raised.value
    match error:
        case ClientError():
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 401
            assert error.response["Error"]["Code"] == "AccessDeniedException"
        case errors.ClientError():
            assert error.code == 401
        case httpx.HTTPStatusError():
            assert error.response.status_code == 401
        case _:
            assert type(error).__name__ == AuthenticationError.__name__
