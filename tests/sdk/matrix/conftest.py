"""One gateway in front of all scripted upstreams, and each SDK pointed at it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.sdk.matrix.sdks import SDKS, Driven, Sdk
from tests.sdk.matrix.tasks import TASKS
from tests.sdk.matrix.upstreams import config
from tests.support.gateway_process import SECRET, GatewayProcess
from tests.support.scripted_upstreams import ScriptedUpstreams
from tests.support.vendors.interface import Asked


@dataclass
class Stage:
    gateway: GatewayProcess
    upstreams: ScriptedUpstreams
    _driven: dict[str, Driven] = field(default_factory=dict)

    def play(self, sdk: Sdk, call: str, model: str, task: str) -> tuple[Any, list[Asked]]:
        """What the SDK said, and the requests that reached the upstream; each was to the vendor's taste."""
        if reason := sdk.missing():
            pytest.skip(reason)
        if sdk.name not in self._driven:
            self._driven[sdk.name] = sdk.start(self.gateway.url, SECRET)
        before = len(self.upstreams.seen)
        said = self._driven[sdk.name].call(call, model, TASKS[task])
        assert self.upstreams.refused == [], self.upstreams.refused.pop()
        return said, [asked for _, asked in self.upstreams.seen[before:]]

    def close(self) -> None:
        for driven in self._driven.values():
            driven.close()


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("matrix")
    with ScriptedUpstreams() as upstreams, GatewayProcess(config(upstreams.url), directory) as gateway:
        stage = Stage(gateway, upstreams)
        yield stage
        stage.close()
        lines = "\n".join(gateway.child.stderr.seen)
        assert '"level":"error"' not in lines
        assert "Traceback" not in lines


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    return SDKS[request.param]
