"""Contestants: fastgate takes the configurations that it is given, and others are attached as documented."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import msgspec
import pytest
from benchmarks.suite.contestants.contestant import Contestant, Site, secret
from benchmarks.suite.contestants.direct import DIRECT, NGINX
from benchmarks.suite.contestants.fastgate import BARE, EDGES, FASTGATE, GOVERNED
from benchmarks.suite.contestants.packaged import LITELLM
from benchmarks.suite.contestants.peer import peer
from benchmarks.suite.contestants.reference import REFERENCE
from benchmarks.suite.contestants.table import CONTESTANTS
from benchmarks.suite.scenarios import SCENARIOS, Feature, Format, Setup
from tests.support.processes import fastgate_command, python_environment

ONE = Setup()


def site(directory: Path, setup: Setup = ONE) -> Site:
    return Site(directory, 9001, "http://127.0.0.1:9002", setup, 2)


@pytest.mark.parametrize("contestant", [FASTGATE, GOVERNED, BARE, *EDGES], ids=lambda each: each.name)
@pytest.mark.parametrize("setup", [Setup(), Setup(keys=50, deployments=20)], ids=["one", "many"])
def test_fastgate_takes_its_configuration_without_a_warning(
    tmp_path: Path, contestant: Contestant, setup: Setup
) -> None:
    command = contestant.command(site(tmp_path, setup))
    config = command.line[command.line.index("--config") + 1]
    done = subprocess.run(
        fastgate_command("check", "--config", config),
        env=python_environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # That anybody may call is what `bare` is about.
    assert "warning" not in done.stdout + done.stderr or contestant is BARE


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    command = NGINX.command(site(tmp_path))
    done = subprocess.run([*command.line, "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_reference_gateway_has_as_many_budgets_and_limits_as_fastgate(tmp_path: Path) -> None:
    REFERENCE.command(site(tmp_path, Setup(keys=2)))
    keys = [msgspec.json.decode(line) for line in Path(tmp_path, "keys.jsonl").read_bytes().splitlines()]
    assert len({key["hash"] for key in keys}) == 2
    for key in keys:
        assert len(key["budgets"]) == 5
        assert sum(name != "id" for limit in key["limits"] for name in limit) == 6
    own, *shared = zip(*(each["budgets"] for each in keys), strict=True)
    assert own[0]["id"] != own[1]["id"]
    assert all(one == other for one, other in shared)


def test_litellm_knows_every_model_that_is_asked_for(tmp_path: Path) -> None:
    LITELLM.command(site(tmp_path))
    config = msgspec.json.decode(Path(tmp_path, "litellm.yaml").read_bytes())
    known = {each["model_name"] for each in config["model_list"]}
    assert {LITELLM.asks_for(scenario) for scenario in SCENARIOS.values()} <= known


def test_a_transparent_one_is_asked_as_the_provider_is() -> None:
    scenario = SCENARIOS["chat-to-messages"]
    assert (NGINX.client(scenario), NGINX.asks_for(scenario)) == (Format.MESSAGES, "bench")
    assert (FASTGATE.client(scenario), FASTGATE.asks_for(scenario)) == (Format.CHAT, "claude-bench")
    assert DIRECT.lacks(SCENARIOS["fallback"]) == {Feature.FALLBACK}


def test_a_peer_by_command(tmp_path: Path) -> None:
    made = peer(
        "other=other-gateway --at 127.0.0.1:{port} '{upstream}/v1' {secret}", "openai/{model}", {"x-a": "b"}
    )
    command = made.command(site(tmp_path))
    assert command.line == ["other-gateway", "--at", "127.0.0.1:9001", "http://127.0.0.1:9002/v1", secret(0)]
    assert command.url == "http://127.0.0.1:9001"
    assert command.headers == {"x-a": "b"}
    assert made.asks_for(SCENARIOS["c1"]) == "openai/bench"
    assert not made.runs


def test_a_peer_by_url(tmp_path: Path) -> None:
    made = peer("other=http://127.0.0.1:9000/", None, {})
    assert made.command(site(tmp_path)).line == ()
    assert made.command(site(tmp_path)).url == "http://127.0.0.1:9000"
    assert made.runs


@pytest.mark.parametrize("spec", ["other", "=http://127.0.0.1:1", "other="])
def test_anything_else_is_no_peer(spec: str) -> None:
    with pytest.raises(ValueError, match="is not name=URL or name=COMMAND"):
        peer(spec, None, {})


def test_names_are_unique_and_said_what_they_are() -> None:
    assert all(contestant.about for contestant in CONTESTANTS.values())
    file = tomllib.loads(Path("benchmarks/suite/targets.toml").read_text())
    assert file["contestant"] in CONTESTANTS
