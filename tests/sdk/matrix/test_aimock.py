"""The same against aimock, a mock provider that nobody of this project wrote, as far as it is true to life.

It counts no tokens for several vendors, and has Gemini's calls end with a reason that Gemini has not: what is
compared is text and calls.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from tests.sdk.matrix.sdks import SDKS, Driven, Sdk
from tests.sdk.matrix.tasks import TASKS
from tests.sdk.matrix.upstreams import UPSTREAMS
from tests.support import aimock
from tests.support.aimock import Aimock
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config
from tests.support.vendors.scenes import TOOL

pytestmark = pytest.mark.sdk

_TEXT: Final = "Hello! Grüße, 你好 🦊. This text is cut into chunks."
_FIXTURES: Final[list[dict[str, Any]]] = [
    {"match": {"userMessage": "SCENE-text"}, "response": {"content": _TEXT}},
    {
        "match": {"userMessage": "SCENE-tool", "hasToolResult": False},
        "response": {"toolCalls": [{"name": TOOL, "arguments": {"city": "Paris"}}]},
    },
    {"match": {"userMessage": "SCENE-tool", "hasToolResult": True}, "response": {"content": "Sunny."}},
]
_PATHS: Final = {"openai": "/v1", "gemini": "/v1beta", "vertex": "/v1/projects/p/locations/l"}
_UPSTREAMS: Final = ("openai", "anthropic", "bedrock-nova", "gemini", "vertex-gemini", "cohere", "ollama")
_SDKS: Final = [sdk for sdk in SDKS.values() if sdk.dialect != "cohere" and sdk.python is None]
_PLAYED: Final = (
    ("plain", "text"),
    ("stream", "text"),
    ("plain", "tool"),
    ("stream", "tool"),
    ("loop", "tool"),
)


# What passes through is as the mock says it.
_UNTRUE: Final = {
    ("google", "gemini", "tool"): "a reason that Gemini does not have",
    ("google", "vertex-gemini", "tool"): "the same",
    ("bedrock", "bedrock-nova", "stream"): "a contentBlockStart for text, which Bedrock does not send",
}


def _in_front_of(mock: Aimock, directory: Path) -> GatewayProcess:
    providers: dict[str, Any] = {}
    for name in _UPSTREAMS:
        upstream = UPSTREAMS[name]
        providers[upstream.vendor] = {
            "dialect": upstream.vendor,
            "base_url": f"http://127.0.0.1:{mock.port}" + _PATHS.get(upstream.vendor, ""),
            "credentials": [{"secret": "sk-upstream-0123456789"}],
            "models": [upstream.model],
        }
    return GatewayProcess(gateway_config(providers, unpriced="allow"), directory)


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Driven]]:
    if reason := aimock.missing():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("matrix-aimock")
    with Aimock(_FIXTURES, directory) as mock, _in_front_of(mock, directory) as gateway:
        driven = {sdk.name: sdk.start(gateway.url, SECRET) for sdk in _SDKS}
        yield driven
        for each in driven.values():
            each.close()


def _ids() -> list[Any]:
    return [
        pytest.param(sdk, upstream, call, task, id=f"{sdk.name}-{upstream}-{call}-{task}")
        for sdk, upstream, (call, task) in product(_SDKS, _UPSTREAMS, _PLAYED)
        if not {(sdk.dialect, upstream, call), (sdk.dialect, upstream, task)} & _UNTRUE.keys()
    ]


@pytest.mark.parametrize(("sdk", "upstream", "call", "task"), _ids())
def test_conversation(driven: dict[str, Driven], sdk: Sdk, upstream: str, call: str, task: str) -> None:
    said = driven[sdk.name].call(call, UPSTREAMS[upstream].model, TASKS[task])
    called = task == "tool" and call != "loop"
    text = "" if called else "Sunny." if task == "tool" else _TEXT
    calls = [[TOOL, {"city": "Paris"}]] if called else []
    assert (said.get("text"), said.get("calls")) == (text, calls), said
