"""Claude Code and Codex, set up as docs/clients says, with a scripted provider of any format.

Each reads a file when it is told to, and answers, with its own tools, prompts and markers in its requests.
"""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
from tests.support import agents
from tests.support.dialect_rig import named, vendors_config
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET, GatewayProcess
from tests.support.processes import ROOT
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import Call, Say, answer

_ADDRESS: Final = "http://127.0.0.1:8080"
_KEY: Final = "sk-fg-…"
_CONSOLE: Final = re.compile(r"^## Claude Code\n\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOML: Final = re.compile(r"^## Codex\n\n```toml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPORT: Final = re.compile(r"^export (\w+)=(.*)$", re.MULTILINE)

_NOTE: Final = "The word is xylophone."
_ASKED: Final = "What is the word in note.txt?"
_ANSWER: Final = "It is the xylophone."

pytestmark = [pytest.mark.sdk]


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def gateway(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    with GatewayProcess(vendors_config(provider.url), tmp_path_factory.mktemp("agents")) as process:
        yield process


@pytest.mark.parametrize("vendor", ["up_messages", "up_invoke", "up_converse", "up_chat", "up_gemini"])
def test_claude_code(vendor: str, provider: FakeProvider, gateway: GatewayProcess, tmp_path: Path) -> None:
    if reason := agents.missing("claude"):
        pytest.skip(reason)
    block = _block("anthropic.md", _CONSOLE, gateway)
    variables = dict(_EXPORT.findall(block))
    assert variables
    program, model_flag, _ = shlex.split(block.splitlines()[-1])
    variables["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = "1"  # it tries to reach more than its API
    reads = Call("call_note", "Read", {"file_path": str(tmp_path / "note.txt")})
    command = [program, model_flag, named(UPSTREAMS[vendor]), "-p", _ASKED]
    Told(vendor, reads).run(command, variables, tmp_path, provider)


@pytest.mark.parametrize("vendor", ["up_chat", "up_messages", "up_converse", "up_gemini", "up_ollama"])
def test_codex(vendor: str, provider: FakeProvider, gateway: GatewayProcess, tmp_path: Path) -> None:
    if reason := agents.missing("codex"):
        pytest.skip(reason)
    written = _block("openai.md", _TOML, gateway)
    config = tomllib.loads(written)
    home = tmp_path / ".codex"
    home.mkdir()
    (home / "config.toml").write_text(written)
    key = config["model_providers"][config["model_provider"]]["env_key"]
    # Without its sandbox, which not every machine has room for: it runs one command, which stands here.
    command = ["codex", "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access"]
    reads = Call("call_note", "exec_command", {"cmd": "cat note.txt"})
    command += ["--model", named(UPSTREAMS[vendor]), _ASKED]
    Told(vendor, reads).run(command, {key: SECRET}, tmp_path, provider)


class Told(NamedTuple):
    """What the provider says: to read the note, and the answer."""

    vendor: str
    reads: Call

    def run(self, command: list[str], variables: dict[str, str], home: Path, provider: FakeProvider) -> None:
        upstream = UPSTREAMS[self.vendor]
        (home / "note.txt").write_text(_NOTE + "\n")
        says = [answer(upstream, say, stream=True) for say in (Say(calls=(self.reads,)), Say(_ANSWER))]
        script = provider.script(*says, secret=f"secret-of-{self.vendor}")
        assert _ANSWER in agents.run(command, home, variables)
        asked, again = [request.body.decode() for request in script.requests]
        assert _ASKED in asked
        assert _NOTE not in asked
        assert _NOTE in again


def _block(page: str, pattern: re.Pattern[str], gateway: GatewayProcess) -> str:
    found = pattern.search((ROOT / "docs/clients" / page).read_text())
    assert found is not None
    assert _ADDRESS in found[1]
    return found[1].replace(_ADDRESS, gateway.url).replace(_KEY, SECRET)
