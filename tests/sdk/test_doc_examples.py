"""The examples of README, docs/clients and docs/migrate, run as they stand but for the address and the key.

Blocks of `python`, `javascript` and `sh` are examples; `console` and others are not.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import pytest
from tests.support import aimock
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config, provider_config
from tests.support.processes import ROOT, python_environment
from tests.support.sim_process import SimProcess

_ADDRESS: Final = "http://127.0.0.1:8080"
_KEY: Final = "sk-fg-…"
_MODELS: Final = (
    "anthropic.claude-sonnet-4-6",
    "claude-sonnet-4-6",
    "default",
    "fastgate-sim",
    "gemini-2.5-flash",
    "gpt-4o",
    "rerank-v3.5",
    "text-embedding-3-small",
)
_BLOCK: Final = re.compile(r"^```(python|javascript|sh|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PACKAGE: Final = re.compile(r'^import .* from "(.*)";$', re.MULTILINE)
_TIMEOUT_S: Final = 60
_BORDER: Final = "--- the next example ---"
_EACH: Final = f"""
import json, sys
for name, code in json.load(sys.stdin):
    print({_BORDER!r})
    exec(compile(code, name, "exec"), {{"__name__": "__main__"}})
"""
_PAGES: Final = (
    "README.md",
    "docs/migrate/middleware.md",
    *(f"docs/clients/{path.name}" for path in (ROOT / "docs/clients").glob("*.md")),
)

pytestmark = [pytest.mark.sdk]


class Example(NamedTuple):
    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def _examples(*languages: str) -> list[Example]:
    found = []
    for page in sorted(_PAGES):
        text = (ROOT / page).read_text()
        for block in _BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 1
            found.append(Example(page, line, block[1], block[2]))
    return [each for each in found if each.language in languages]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with SimProcess("--models", ",".join(_MODELS)) as sim:
        providers = {"sim": provider_config(sim.base_url, *_MODELS)}
        with GatewayProcess(
            gateway_config(providers, tags={"allowed": ["feature"]}), tmp_path_factory.mktemp("docs")
        ) as process:
            yield process


@pytest.mark.parametrize("page", sorted(_PAGES))
def test_python_examples(page: str, gateway: GatewayProcess, tmp_path: Path) -> None:
    """In one process a page, as it is the import of an SDK that takes time."""
    examples = [each for each in _examples("python") if each.page == page]
    assert examples
    given = [[str(example), _pointed(example, gateway)] for example in examples]
    said = _run([sys.executable, "-c", _EACH], tmp_path, msgspec.json.encode(given))
    pieces = said.split(_BORDER)[1:]
    assert len(pieces) == len(examples)
    assert [str(example) for example, piece in zip(examples, pieces, strict=True) if not piece.strip()] == []


@pytest.mark.parametrize("example", _examples("sh"), ids=str)
def test_shell_example(example: Example, gateway: GatewayProcess, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    assert _run(["sh", "-euc", _pointed(example, gateway)], tmp_path).strip()


@pytest.mark.parametrize("example", _examples("javascript"), ids=str)
def test_javascript_example(example: Example, gateway: GatewayProcess, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    modules = aimock.NODE_DIR / "node_modules"
    for package in _PACKAGE.findall(example.code):
        if not (modules / package).exists():
            pytest.skip(f"{package} is not installed: {aimock.INSTALL}")
    (tmp_path / "node_modules").symlink_to(modules)
    file = tmp_path / "example.mjs"
    file.write_text(_pointed(example, gateway))
    assert _run(["node", str(file)], tmp_path).strip()


def test_codex_is_pointed_at_the_gateway() -> None:
    (example,) = _examples("toml")
    config = tomllib.loads(example.code)
    provider = config["model_providers"][config["model_provider"]]
    assert (provider["base_url"], provider["wire_api"]) == (f"{_ADDRESS}/v1", "responses")


def _pointed(example: Example, gateway: GatewayProcess) -> str:
    return example.code.replace(_ADDRESS, gateway.url).replace(_KEY, SECRET)


def _run(command: list[str], directory: Path, given: bytes = b"") -> str:
    """What it said, and it ended well."""
    done = subprocess.run(
        command,
        cwd=directory,
        env=python_environment(),
        input=given,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()
