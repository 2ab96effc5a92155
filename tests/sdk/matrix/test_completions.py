"""Completions of old, by the SDKs that still have them, on every upstream: all of them chat."""

from itertools import product
from typing import Any, Final

import pytest
from tests.sdk.matrix import expectations
from tests.sdk.matrix.conftest import Stage
from tests.sdk.matrix.sdks import SDKS, Sdk
from tests.sdk.matrix.tasks import SAID
from tests.sdk.matrix.upstreams import OPENAI_HOSTS, UPSTREAMS, Upstream

pytestmark = pytest.mark.sdk

_SDKS: Final = [SDKS["openai-python-3"], SDKS["openai-python-1"]]
_PLAYED: Final = [
    *product(("completions", "completions_stream"), ("text", "sequence")),
    ("completions", "limited"),
    ("completions_stream", "bad"),
    ("completions_stream", "dies"),
]


@pytest.mark.parametrize(
    ("sdk", "upstream", "call", "task"),
    [
        pytest.param(sdk, upstream, call, task, id=f"{sdk.name}-{upstream.name}-{call}-{task}")
        for sdk, upstream, (call, task) in product(
            _SDKS, (*UPSTREAMS.values(), *OPENAI_HOSTS.values()), _PLAYED
        )
    ],
)
def test_completion(stage: Stage, sdk: Sdk, upstream: Upstream, call: str, task: str) -> None:
    said, (asked,) = stage.play(sdk, call, upstream.model, task)
    if task in ("limited", "bad", "dies"):
        assert said == expectations.error("openai", call, task)
        return
    expected: dict[str, Any] = expectations.answer("openai", call, upstream, task)
    assert said == expected
    assert SAID["text"] in asked.body.decode()
