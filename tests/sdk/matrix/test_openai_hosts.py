"""Every SDK on those who speak OpenAI's format with paths, keys, errors and members of their own."""

from itertools import product
from typing import Any, Final

import pytest
from openai import AzureOpenAI, BadRequestError
from tests.sdk.matrix import expectations
from tests.sdk.matrix.conftest import Stage
from tests.sdk.matrix.sdks import SDKS, Sdk
from tests.sdk.matrix.tasks import SAID
from tests.sdk.matrix.upstreams import OPENAI_HOSTS, Upstream
from tests.support.gateway_process import SECRET

pytestmark = pytest.mark.sdk

_SDKS: Final = [sdk for sdk in SDKS.values() if sdk.dialect != "cohere"]
_PLAYED: Final = (
    ("plain", "text"),
    ("stream", "text"),
    ("stream", "tools"),
    ("loop", "tools"),
    ("plain", "limited"),
    ("stream", "bad"),
    ("stream", "dies"),
)
_SENTENCE: Final = "refused as scene bad wants it"


@pytest.mark.parametrize(
    ("sdk", "upstream", "call", "task"),
    [
        pytest.param(sdk, upstream, call, task, id=f"{sdk.name}-{upstream.name}-{call}-{task}")
        for sdk, upstream, (call, task) in product(_SDKS, OPENAI_HOSTS.values(), _PLAYED)
    ],
)
def test_conversation(stage: Stage, sdk: Sdk, upstream: Upstream, call: str, task: str) -> None:
    # Azure's first chunk is not as the SDK's types have chunks.
    lax = call == "stream" and sdk.dialect == "openai" and not sdk.node and upstream.name.startswith("azure")
    said, asked = stage.play(sdk, "lax_stream" if lax else call, upstream.model, task)
    if task in ("limited", "bad", "dies"):
        assert said == expectations.error(sdk.dialect, call, task)
        return
    assert said == expectations.answer(sdk.dialect, call, upstream, task)
    last = asked[-1].body.decode()
    assert SAID["text"] in last
    assert task not in SAID or SAID[task] in last


@pytest.mark.parametrize("upstream", OPENAI_HOSTS.values(), ids=OPENAI_HOSTS)
def test_an_error_says_why(stage: Stage, upstream: Upstream) -> None:
    """Whether the vendor's error has OpenAI's shape or another."""
    options: Any = {"azure_endpoint": stage.gateway.url, "api_version": "2024-10-21", "api_key": SECRET}
    with AzureOpenAI(**options, max_retries=0) as client, pytest.raises(BadRequestError) as raised:
        client.chat.completions.create(
            model=upstream.model, messages=[{"role": "user", "content": "SCENE-bad"}]
        )
    assert _SENTENCE in str(raised.value)
    codes = {"huggingface": "model_not_supported", "vertex-openai": None}
    assert raised.value.code == codes.get(upstream.name, "content_filter")
