"""Each SDK with each upstream, directly and through the gateway. Programs are real, and started once."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.sdk.fixtures import FIXTURES
from tests.support import aimock
from tests.support.aimock import Aimock
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config, provider_config
from tests.support.processes import ROOT, python_environment
from tests.support.sim_process import SimProcess

_HERE = Path(__file__).parent
_OLD_PYTHON = ROOT / "build" / "openai1" / "bin" / "python"
_TIMEOUT_S = 90
_UPSTREAM_KEY = "sk-upstream-0123456789"
_MODELS = (
    "gpt-4o",
    "text-embedding-3-small",
    "whisper-1",
    "tts-1",
    "gpt-image-1",
    "omni-moderation-latest",
)
_LIMITED = ("limited-python-1", "limited-python-3", "limited-node")


@dataclass(frozen=True)
class Sdk:
    """An official SDK in an environment of its own."""

    name: str
    command: tuple[str, ...]
    missing: str | None


SDKS = {
    "openai-python-3": Sdk("openai-python-3", (sys.executable, str(_HERE / "calls.py")), None),
    "openai-python-1": Sdk(
        "openai-python-1",
        (str(_OLD_PYTHON), str(_HERE / "calls.py")),
        None if _OLD_PYTHON.exists() else f"openai-python 1.x is not installed in {_OLD_PYTHON.parents[1]}",
    ),
    "openai-node": Sdk(
        "openai-node",
        ("node", str(_HERE / "calls.mjs")),
        "node is not installed"
        if shutil.which("node") is None
        else None
        if (aimock.NODE_DIR / "node_modules" / "openai").exists()
        else f"openai-node is not installed: {aimock.INSTALL}",
    ),
}


def run_calls(sdk: Sdk, base_url: str, key: str, names: tuple[str, ...], *, strict: bool) -> dict[str, Any]:
    """What each call gave, by its name."""
    arguments = (base_url, key, "strict" if strict else "lax", *names)
    environment = {**python_environment(), "OPENAI_NODE": str(aimock.NODE_DIR)}
    done = subprocess.run(
        [*sdk.command, *arguments], env=environment, capture_output=True, timeout=_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    results = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    return {result["call"]: result["result"] for result in results}


@dataclass
class Side:
    """An endpoint that SDKs are pointed at; what they got is kept, so each call is made once."""

    base_url: str
    key: str
    _results: dict[tuple[str, tuple[str, ...], bool], dict[str, Any]] = field(default_factory=dict)

    def results(self, sdk: Sdk, names: tuple[str, ...], *, strict: bool) -> dict[str, Any]:
        if sdk.missing:
            pytest.skip(sdk.missing)
        run = (sdk.name, names, strict)
        if run not in self._results:
            self._results[run] = run_calls(sdk, self.base_url, self.key, names, strict=strict)
        return self._results[run]


@dataclass(frozen=True)
class Upstream:
    direct: Side
    gateway: Side


def _in_front_of(base_url: str, directory: Path) -> GatewayProcess:
    """A credential for all calls, and one for each model that is answered with 429."""
    limited = [{"id": model, "secret": _UPSTREAM_KEY, "models": [model]} for model in _LIMITED]
    main = {"id": "main", "secret": _UPSTREAM_KEY, "models": list(_MODELS)}
    provider = provider_config(base_url, *_MODELS, *_LIMITED, credentials=[main, *limited])
    return GatewayProcess(gateway_config({"mock": provider}), directory)


@pytest.fixture(scope="session")
def behind_aimock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    if reason := aimock.missing():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("aimock")
    with Aimock(FIXTURES, directory, key=_UPSTREAM_KEY) as mock, _in_front_of(mock.base_url, directory) as gw:
        yield Upstream(Side(mock.base_url, _UPSTREAM_KEY), Side(gw.base_url, SECRET))


@pytest.fixture(scope="session")
def behind_sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    arguments = ("--models", ",".join(_MODELS), "--key", _UPSTREAM_KEY)
    directory = tmp_path_factory.mktemp("sim")
    with SimProcess(*arguments) as sim, _in_front_of(sim.base_url, directory) as gw:
        yield Upstream(Side(sim.base_url, _UPSTREAM_KEY), Side(gw.base_url, SECRET))


@pytest.fixture(scope="session")
def sim_alone() -> Iterator[Side]:
    with SimProcess("--models", ",".join(_MODELS), "--key", _UPSTREAM_KEY) as sim:
        yield Side(sim.base_url, _UPSTREAM_KEY)


@pytest.fixture(params=SDKS)
def sdk(request: pytest.FixtureRequest) -> Sdk:
    return SDKS[request.param]
