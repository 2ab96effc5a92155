"""The settings of `examples/claude-code` and `examples/codex`, read by the programs themselves.

Each is asked for what stands in a file, which the scripted provider lets it read.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest
from tests.support import agents
from tests.support.dialect_rig import known
from tests.support.examples import EXAMPLES
from tests.support.fake_provider import FakeProvider, Script
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import Call, Say, Upstream, answer

_ADDRESS: Final = "http://127.0.0.1:8080"
_NOTE: Final = "The word is xylophone."
_ASKED: Final = "What is the word in note.txt?"
_ANSWER: Final = "It is the xylophone."
_CHAT: Final = UPSTREAMS["up_chat"]
_MESSAGES: Final = UPSTREAMS["up_messages"]

pytestmark = [pytest.mark.sdk]


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def gateway(provider: FakeProvider, tmp_path: Path) -> Iterator[GatewayProcess]:
    """OpenAI's speaks chat completions only, so what Codex asks is translated."""
    openai = {**known(_CHAT, provider.url), "endpoints": ["chat"]}
    config = gateway_config({"openai": openai, "anthropic": known(_MESSAGES, provider.url)})
    with GatewayProcess(config, tmp_path) as process:
        yield process


def test_claude_code(provider: FakeProvider, gateway: GatewayProcess, tmp_path: Path) -> None:
    if reason := agents.missing("claude"):
        pytest.skip(reason)
    home = _home(tmp_path, "claude-code/settings.json", ".claude/settings.json", gateway)
    (home / ".claude" / "gateway-key").write_text(SECRET + "\n")
    reads = Call("call_note", "Read", {"file_path": str(home / "note.txt")})
    script = _told(provider, _MESSAGES, reads)
    assert _ANSWER in agents.run(["claude", "-p", _ASKED], home, {})
    settings = msgspec.json.decode((EXAMPLES / "claude-code" / "settings.json").read_bytes())
    _assert_read(script, settings["env"]["ANTHROPIC_DEFAULT_SONNET_MODEL"])


def test_codex(provider: FakeProvider, gateway: GatewayProcess, tmp_path: Path) -> None:
    if reason := agents.missing("codex"):
        pytest.skip(reason)
    home = _home(tmp_path, "codex/config.toml", ".codex/config.toml", gateway)
    config = tomllib.loads((EXAMPLES / "codex" / "config.toml").read_text())
    key = config["model_providers"][config["model_provider"]]["env_key"]
    # Without its sandbox, which not every machine has room for: it runs one command, which stands here.
    command = ["codex", "exec", "--skip-git-repo-check", "--sandbox", "danger-full-access", _ASKED]
    reads = Call("call_note", "exec_command", {"cmd": "cat note.txt"})
    script = _told(provider, _CHAT, reads)
    assert _ANSWER in agents.run(command, home, {key: SECRET})
    _assert_read(script, config["model"])


def _home(tmp_path: Path, example: str, place: str, gateway: GatewayProcess) -> Path:
    """A home with the file of the example in its place, pointed at this gateway, and with a note to read."""
    home = tmp_path / "home"
    text = (EXAMPLES / example).read_text()
    assert _ADDRESS in text
    (home / place).parent.mkdir(parents=True)
    (home / place).write_text(text.replace(_ADDRESS, gateway.url))
    (home / "note.txt").write_text(_NOTE + "\n")
    return home


def _told(provider: FakeProvider, vendor: Upstream, reads: Call) -> Script:
    says = [answer(vendor, say, stream=True) for say in (Say(calls=(reads,)), Say(_ANSWER))]
    return provider.script(*says, secret=f"secret-of-{vendor.name}")


def _assert_read(script: Script, model: str) -> None:
    asked, again = script.requests
    assert (asked.model, again.model) == (model, model)
    assert _ASKED in asked.body.decode()
    assert _NOTE not in asked.body.decode()
    assert _NOTE in again.body.decode()
