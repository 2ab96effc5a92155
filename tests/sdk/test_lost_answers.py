"""Images that a model made, with SDKs whose formats have them and with one whose format has none.

And how a client, and whoever reads the log, is told what is left out of an answer.
"""

from base64 import b64decode
from collections.abc import Iterator
from typing import Any, Final

import boto3
import pytest
from anthropic import Anthropic
from google import genai
from google.genai import types
from openai import OpenAI
from tests.support.builders import response, sse
from tests.support.dialect_rig import named, vendors_config
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET, GatewayProcess
from tests.support.replies import Reply, reply
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import JSON, Say, events

_PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
_IMAGES: Final = [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{_PIXEL}"}}]
_NOTE: Final = "[Here is an image (image/png) that this API has no place for in an answer.]"
_UPSTREAM: Final = UPSTREAMS["up_chat"]
_MODEL: Final = named(_UPSTREAM)
_ASKED: Final = "Paint it."

pytestmark = [pytest.mark.sdk]


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    config = vendors_config(provider.url, logging={"requests": True})
    with GatewayProcess(config, tmp_path_factory.mktemp("images")) as process:
        yield process


def _whole() -> Reply:
    said: JSON = _UPSTREAM.whole(Say("Here:"))
    said["choices"][0]["message"]["images"] = _IMAGES
    return reply(response(200, said))


def _streamed() -> Reply:
    begun, *rest = _UPSTREAM.stream(Say("Here:"))
    delta = {"index": 0, "delta": {"images": _IMAGES}, "finish_reason": None}
    image = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [delta]}
    return events(_UPSTREAM, [begun, *rest[:-3], sse(image), *rest[-3:]])


def _script(provider: FakeProvider, *, stream: bool) -> None:
    provider.script(_streamed() if stream else _whole(), secret="secret-of-up_chat")


async def test_messages(provider: FakeProvider, gateway: GatewayProcess) -> None:
    _script(provider, stream=False)
    raw = Anthropic(base_url=gateway.url, api_key=SECRET).messages.with_raw_response.create(
        model=_MODEL, max_tokens=50, messages=[{"role": "user", "content": _ASKED}]
    )
    texts = [block.text for block in raw.parse().content if block.type == "text"]
    assert texts == ["Here:", _NOTE]
    assert raw.headers["x-fastgate-dropped"] == "answer.image"
    assert await _logged(gateway, raw.headers["x-fastgate-request-id"]) == ["answer.image"]


async def test_streamed_messages(provider: FakeProvider, gateway: GatewayProcess) -> None:
    _script(provider, stream=True)
    client = Anthropic(base_url=gateway.url, api_key=SECRET)
    with client.messages.stream(
        model=_MODEL, max_tokens=50, messages=[{"role": "user", "content": _ASKED}]
    ) as stream:
        message = stream.get_final_message()
        id_ = stream.response.headers["x-fastgate-request-id"]
    texts = [block.text for block in message.content if block.type == "text"]
    assert texts == ["Here:", _NOTE]
    assert message.stop_reason == "end_turn"
    assert await _logged(gateway, id_) == ["answer.image"]


def test_what_a_stream_left_out_is_a_comment_behind_it(
    provider: FakeProvider, gateway: GatewayProcess
) -> None:
    _script(provider, stream=True)
    client = Anthropic(base_url=gateway.url, api_key=SECRET)
    with client.messages.with_streaming_response.create(
        model=_MODEL, max_tokens=50, messages=[{"role": "user", "content": _ASKED}], stream=True
    ) as answer:
        body = answer.read()
    assert body.endswith(b'data: {"type":"message_stop"}\n\n: fastgate dropped=answer.image\n\n')


@pytest.mark.parametrize("stream", [False, True])
def test_responses(stream: bool, provider: FakeProvider, gateway: GatewayProcess) -> None:
    _script(provider, stream=stream)
    client = OpenAI(base_url=gateway.base_url, api_key=SECRET)
    if stream:
        with client.responses.stream(model=_MODEL, input=_ASKED) as events_:
            seen = [event.type for event in events_ if "image" in event.type]
            answer: Any = events_.get_final_response()
        assert seen == [
            "response.image_generation_call.in_progress",
            "response.image_generation_call.completed",
        ]
    else:
        answer = client.responses.create(model=_MODEL, input=_ASKED)
    assert [item.type for item in answer.output] == ["message", "image_generation_call"]
    assert (answer.output[1].result, answer.output[1].status) == (_PIXEL, "completed")


@pytest.mark.parametrize("stream", [False, True])
def test_converse(stream: bool, provider: FakeProvider, gateway: GatewayProcess) -> None:
    _script(provider, stream=stream)
    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=gateway.url,
        region_name="us-east-1",
        aws_access_key_id=SECRET,
        aws_secret_access_key="any",
    )
    messages = [{"role": "user", "content": [{"text": _ASKED}]}]
    if not stream:
        answer = client.converse(modelId=_MODEL, messages=messages)
        image = answer["output"]["message"]["content"][1]["image"]
        assert (image["format"], image["source"]["bytes"]) == ("png", b64decode(_PIXEL))
        return
    said = list(client.converse_stream(modelId=_MODEL, messages=messages)["stream"])
    starts = [event["contentBlockStart"] for event in said if "contentBlockStart" in event]
    deltas = [event["contentBlockDelta"] for event in said if "contentBlockDelta" in event]
    assert starts == [{"contentBlockIndex": 1, "start": {"image": {"format": "png"}}}]
    assert deltas[-1] == {
        "contentBlockIndex": 1,
        "delta": {"image": {"source": {"bytes": b64decode(_PIXEL)}}},
    }


@pytest.mark.parametrize("stream", [False, True])
def test_gemini(stream: bool, provider: FakeProvider, gateway: GatewayProcess) -> None:
    _script(provider, stream=stream)
    client = genai.Client(api_key=SECRET, http_options=types.HttpOptions(base_url=gateway.url))
    if stream:
        answers = list(client.models.generate_content_stream(model=_MODEL, contents=_ASKED))
    else:
        answers = [client.models.generate_content(model=_MODEL, contents=_ASKED)]
    parts = [part for answer in answers for part in answer.parts or ()]
    assert [part.inline_data.data for part in parts if part.inline_data] == [b64decode(_PIXEL)]


async def _logged(gateway: GatewayProcess, id_: str) -> Any:
    return (await gateway.log_line(request_id=id_))["dropped"]
