"""What SDKs ask besides: which models there are, how many tokens a request has, and a stream's events."""

from itertools import product
from typing import Any, Final

import pytest
from openai import OpenAI
from tests.sdk.matrix.conftest import Stage
from tests.sdk.matrix.sdks import SDKS, Sdk
from tests.sdk.matrix.tasks import IMAGE_URL, TASKS
from tests.sdk.matrix.upstreams import UPSTREAMS, Upstream
from tests.support.gateway_process import SECRET
from tests.support.vendors.scenes import INPUT_TOKENS

pytestmark = pytest.mark.sdk

_LISTS: Final = [sdk for sdk in SDKS.values() if sdk.dialect in {"openai", "anthropic", "google"}]
_ANTHROPIC: Final = [sdk for sdk in SDKS.values() if sdk.dialect == "anthropic"]
_COUNTERS: Final = [sdk for sdk in SDKS.values() if sdk.dialect in {"anthropic", "google"}]

_COUNT: Final = {
    "anthropic": {"anthropic", "vertex-claude"},
    "google": {"gemini", "vertex-gemini"},
}
"""By the dialect of the SDK, the upstreams that count in its format; for others the gateway does."""


@pytest.mark.parametrize(
    ("sdk", "model"),
    [
        pytest.param(sdk, upstream.model, id=f"{sdk.name}-{upstream.name}")
        for sdk, upstream in product(_LISTS, UPSTREAMS.values())
    ],
)
def test_models_are_listed(stage: Stage, sdk: Sdk, model: str) -> None:
    listed, asked = stage.play(sdk, "models", model, "text")
    assert listed
    assert asked == []


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("sdk", _COUNTERS, ids=lambda sdk: sdk.name)
def test_tokens_are_counted(stage: Stage, sdk: Sdk, upstream: str) -> None:
    count, asked = stage.play(sdk, "count", UPSTREAMS[upstream].model, "text")
    if upstream in _COUNT[sdk.dialect]:
        assert count == INPUT_TOKENS
        assert len(asked) == 1
    else:
        assert 0 < count < INPUT_TOKENS
        assert asked == []


@pytest.mark.parametrize("upstream", UPSTREAMS.values(), ids=UPSTREAMS)
def test_what_is_left_out_is_named(stage: Stage, upstream: Upstream) -> None:
    image = {"type": "image_url", "image_url": {"url": IMAGE_URL}}
    content: Any = [{"type": "text", "text": TASKS["image"]["text"]}, image]
    with OpenAI(base_url=stage.gateway.base_url, api_key=SECRET, max_retries=0) as client:
        answer = client.chat.completions.with_raw_response.create(
            model=upstream.model, messages=[{"role": "user", "content": content}]
        )
    assert answer.headers["x-fastgate-model"] == upstream.model
    dropped = None if upstream.urls else "messages[0].content[1]"
    assert answer.headers.get("x-fastgate-dropped") == dropped


@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("sdk", _ANTHROPIC, ids=lambda sdk: sdk.name)
def test_each_event_is_valid(stage: Stage, sdk: Sdk, upstream: str) -> None:
    events, _ = stage.play(sdk, "events", UPSTREAMS[upstream].model, "text")
    assert events == ["message_start", "message_delta", "message_stop"]
