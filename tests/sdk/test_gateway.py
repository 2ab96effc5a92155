"""Through the gateway an official SDK sees what it sees directly; a difference is the gateway's doing."""

from typing import Any

import pytest
from tests.sdk.conftest import SDKS, Sdk, Upstream
from tests.sdk.names import AIMOCK_LAX, AIMOCK_STRICT, ERRORS, SIM_STRICT, for_sdk

pytestmark = pytest.mark.sdk


def each_sdk_with_each_call(names: tuple[str, ...]) -> pytest.MarkDecorator:
    pairs = [(sdk, call) for sdk in SDKS.values() for call in for_sdk(sdk.name, names)]
    return pytest.mark.parametrize(("sdk", "call"), pairs, ids=[f"{sdk.name}-{call}" for sdk, call in pairs])


def _compare(upstream: Upstream, sdk: Sdk, call: str, names: tuple[str, ...], *, strict: bool) -> None:
    names = for_sdk(sdk.name, names)
    direct = upstream.direct.results(sdk, names, strict=strict)[call]
    through = upstream.gateway.results(sdk, names, strict=strict)[call]
    assert _comparable(through) == _comparable(direct)
    raised = direct if isinstance(direct, dict) and "raised" in direct else None
    assert raised == ERRORS.get(call), "the direct call failed: the comparison says nothing"


def _comparable(result: Any) -> Any:
    """Chunks without `"usage": null`: the gateway asks for usage always, an upstream then says null in
    every chunk, and only the chunk that has the usage is kept from a client that did not ask."""
    if not isinstance(result, list):
        return result
    return [
        {key: value for key, value in item.items() if (key, value) != ("usage", None)}
        if isinstance(item, dict)
        else item
        for item in result
    ]


@each_sdk_with_each_call(AIMOCK_STRICT)
def test_aimock_strictly(behind_aimock: Upstream, sdk: Sdk, call: str) -> None:
    _compare(behind_aimock, sdk, call, AIMOCK_STRICT, strict=True)


@each_sdk_with_each_call(AIMOCK_LAX)
def test_aimock(behind_aimock: Upstream, sdk: Sdk, call: str) -> None:
    _compare(behind_aimock, sdk, call, AIMOCK_LAX, strict=False)


@each_sdk_with_each_call(SIM_STRICT)
def test_sim_strictly(behind_sim: Upstream, sdk: Sdk, call: str) -> None:
    _compare(behind_sim, sdk, call, SIM_STRICT, strict=True)
