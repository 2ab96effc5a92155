"""Every SDK's conversations on every upstream: what its objects say, and what the upstream was told."""

from itertools import product
from typing import Any, Final

import pytest
from tests.sdk.matrix import expectations
from tests.sdk.matrix.conftest import Stage
from tests.sdk.matrix.sdks import SDKS, Sdk
from tests.sdk.matrix.tasks import SAID
from tests.sdk.matrix.upstreams import UPSTREAMS, Upstream
from tests.support.vendors.scenes import SIGNATURE

pytestmark = pytest.mark.sdk

_ANSWERED: Final = ("text", "tool", "tools", "image", "image_url", "structured", "sequence", "thinking")
_REFUSED: Final = ("limited", "bad")

# By the dialect of the SDK, the calls that give one answer, and those that give a stream.
_PLAIN: Final = {
    "openai": ("plain", "responses"),
    "anthropic": ("plain",),
    "google": ("plain",),
    "bedrock": ("plain", "invoke"),
}
_STREAMS: Final = {
    "openai": ("stream", "responses_stream"),
    "anthropic": ("stream",),
    "google": ("stream",),
    "bedrock": ("stream", "invoke_stream"),
}
_LOOPS: Final = {"openai": ("loop", "responses_loop")}
_AGAINS: Final = {"openai": ("again", "responses_again")}
_ALL_AGAINS: Final = ("again", "stream_again")

# What a format, or the driver's use of it, has no means for.
_UNSAID: Final = {
    "responses": {"sequence"},
    "converse": {"image_url"},
    "invoke": {"image_url"},
}


def _cases() -> list[Any]:
    cases = []
    for sdk, upstream in product(SDKS.values(), UPSTREAMS.values()):
        dialect = sdk.dialect
        if dialect not in _PLAIN:
            continue
        single = (*_PLAIN[dialect], *_STREAMS[dialect])
        played = [*product(single, (*_ANSWERED, *_REFUSED)), *product(_STREAMS[dialect], ("dies",))]
        played += product(_LOOPS.get(dialect, ("loop",)), ("tool", "tools"))
        played += product(_AGAINS.get(dialect, _ALL_AGAINS), ("thinking",))
        for call, task in played:
            if _sayable(sdk, upstream, call, task):
                names = (sdk.name, upstream.name, call, task)
                cases.append(pytest.param(sdk, upstream, call, task, id="-".join(names)))
    return cases


def _sayable(sdk: Sdk, upstream: Upstream, call: str, task: str) -> bool:
    spoken = expectations.format_of(sdk.dialect, call)
    if spoken == "invoke" and upstream.name == "bedrock-nova":
        return False  # a body for InvokeModel is of one model's own format, and Claude's is not Nova's
    return task not in _UNSAID.get(spoken, ())


@pytest.mark.parametrize(("sdk", "upstream", "call", "task"), _cases())
def test_conversation(stage: Stage, sdk: Sdk, upstream: Upstream, call: str, task: str) -> None:
    said, asked = stage.play(sdk, call, upstream.model, task)
    if task in _REFUSED or task == "dies":
        assert said == expectations.error(sdk.dialect, call, task)
        return
    assert said == expectations.answer(sdk.dialect, call, upstream, task)
    last = asked[-1].body.decode()
    assert SAID["text"] in last
    if task in SAID and (task != "image_url" or upstream.urls):
        assert SAID[task] in last
    if call.endswith("again"):
        assert (SIGNATURE in last) == upstream.signs
