"""Through the gateway an official SDK sees what it sees directly; a difference is the gateway's doing."""

import pytest
from tests.sdk.conftest import Sdk, Upstream
from tests.sdk.names import AIMOCK_LAX, AIMOCK_STRICT, ERRORS, NODE, SIM_STRICT, for_sdk

pytestmark = pytest.mark.sdk


def _compare(upstream: Upstream, sdk: Sdk, call: str, names: tuple[str, ...], *, strict: bool) -> None:
    if sdk.name == "openai-node" and call not in NODE:
        pytest.skip("the Node script doesn't make this call")
    names = for_sdk(sdk.name, names)
    direct = upstream.direct.results(sdk, names, strict=strict)[call]
    through = upstream.gateway.results(sdk, names, strict=strict)[call]
    assert through == direct
    raised = direct if isinstance(direct, dict) and "raised" in direct else None
    assert raised == ERRORS.get(call), "the direct call failed: the comparison says nothing"


@pytest.mark.parametrize("call", AIMOCK_STRICT)
def test_aimock_strictly(behind_aimock: Upstream, sdk: Sdk, call: str) -> None:
    _compare(behind_aimock, sdk, call, AIMOCK_STRICT, strict=True)


@pytest.mark.parametrize("call", AIMOCK_LAX)
def test_aimock(behind_aimock: Upstream, sdk: Sdk, call: str) -> None:
    _compare(behind_aimock, sdk, call, AIMOCK_LAX, strict=False)


@pytest.mark.parametrize("call", SIM_STRICT)
def test_sim_strictly(behind_sim: Upstream, sdk: Sdk, call: str) -> None:
    _compare(behind_sim, sdk, call, SIM_STRICT, strict=True)
