"""`fastgate check`, `config` and `models`: the configuration from outside."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.cli.conftest import CONFIG, SMALL_KEY, Run

from fastgate._core.shm import SharedSlots
from fastgate.cli.model_report import collect
from fastgate.config.load import load
from fastgate.domain.virtual_key import VirtualKey
from fastgate.routing.compile import compile_snapshot
from fastgate.routing.health import Health
from fastgate.routing.table import RoutingTable
from fastgate.store.counters import ROOM


def models(run: Run, *options: str) -> dict[str, Any]:
    done = run("models", "--json", *options)
    assert done.returncode == 0, done.stderr
    return {report["model"]: report for report in msgspec.json.decode(done.stdout)}


def test_a_valid_configuration(configured: Run) -> None:
    done = configured("check")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "the configuration is valid\n"


def test_every_error_is_a_line_and_the_exit_code_is_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fastgate.yaml").write_text("server: {port: many}\nvirtual_key: []\n")
    done = run("check")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == ["fastgate.yaml:1", "fastgate.yaml:2"]
    assert "did you mean virtual_keys?" in lines[1]
    assert done.stderr == "2 errors, 0 warnings\n"
    found = msgspec.json.decode(run("check", "--json").stdout)
    assert [(item["line"], item["severity"]) for item in found] == [(1, "error"), (2, "error")]


def test_what_only_shows_when_routes_and_keys_are_made_is_found_too(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fastgate.yaml").write_text(
        CONFIG.replace("model: large", "model: larger").replace("${SMALL_KEY}", "hunter2")
    )
    done = run("check")
    assert done.returncode == 1
    place = "fastgate.yaml:10: error: routes.smart[0].deployments[0].model"
    assert f"{place}: `local` does not serve `larger`" in done.stdout
    assert "fastgate.yaml:14: warning: virtual_keys[1].secret: the secret is short" in done.stdout
    assert "hunter2" not in done.stdout
    assert done.stderr == "1 error, 1 warning\n"


def test_a_configuration_that_shared_memory_has_no_room_for(run: Run, tmp_path: Path) -> None:
    models = ", ".join(f"m{number}" for number in range(ROOM))
    (tmp_path / "fastgate.yaml").write_text(CONFIG.replace("small, large", f"small, large, {models}"))
    done = run("check", environ={"SMALL_KEY": SMALL_KEY})
    assert done.returncode == 1
    assert f"slots of shared memory, and there are {ROOM}" in done.stdout


def test_time_zones_are_known_on_a_machine_that_has_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "fastgate.yaml").write_text("customers: [{id: acme, timezone: Europe/Berlin}]\n")
    done = run("check", environ={"PYTHONTZPATH": ""})
    assert (done.returncode, done.stdout) == (0, "")


def test_warnings_alone_are_no_failure(configured: Run) -> None:
    done = configured("check", environ={"SMALL_KEY": "hunter2"})
    assert done.returncode == 0
    assert "warning: virtual_keys[1].secret" in done.stdout
    assert done.stderr == "the configuration is valid, with 1 warning\n"


def test_another_file_may_be_named_by_option_or_environment(configured: Run, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("nonsense: 1\n")
    assert configured("check", "--config", "other.yaml").returncode == 1
    assert configured("check", environ={"FASTGATE_CONFIG": "other.yaml"}).returncode == 1
    assert configured("check").returncode == 0


def test_show_masks_secrets_and_can_be_read_again(configured: Run, tmp_path: Path) -> None:
    done = configured("config", "show", environ={"FASTGATE_SERVER__PORT": "9123"})
    assert done.returncode == 0
    assert SMALL_KEY not in done.stdout
    assert "port: 9123" in done.stdout
    (tmp_path / "fastgate.yaml").write_text(done.stdout)
    assert configured("config", "show").stdout == done.stdout


def test_the_schema_is_json(run: Run) -> None:
    schema = msgspec.json.decode(run("config", "schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "virtual_keys" in schema["$defs"]["Settings"]["properties"]


def test_models_shows_who_serves_what(configured: Run) -> None:
    found = models(configured)
    assert {name: report["groups"] for name, report in found.items()} == {
        "smart": [["local/large"], ["local/small"]],
        "small": [["local/small"]],
        "large": [["local/large"]],
    }
    assert "chat" in found["small"]["endpoints"]
    table = configured("models").stdout.splitlines()
    assert any(line.split()[:3] == ["smart", "local/large;", "local/small"] for line in table)


def test_models_of_a_key(configured: Run) -> None:
    found = models(configured, "--key", "vk_small")
    assert {name: report["groups"] for name, report in found.items()} == {
        "smart": [["local/small"]],
        "small": [["local/small"]],
    }
    done = configured("models", "--key", "vk_smal")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "fastgate: there is no virtual key vk_smal: did you mean vk_small?\n"


MANY = """\
providers:
  openai: {credentials: [{secret: none}]}
  openrouter: {credentials: [{secret: none}], any_model: true}
  local:
    dialect: openai
    base_url: http://127.0.0.1:9/v1
    credentials: [{secret: none}]
    deployments: [{model: public, upstream_model: hidden, region: here}, {model: gpt-4o}]
routes:
  smart: [{deployments: [{provider: local, model: public}, {provider: openai, model: gpt-4o}]}]
"""


@pytest.mark.parametrize(
    "key",
    [
        None,
        VirtualKey(id="vk"),
        VirtualKey(id="vk", allowed_providers=("local",)),
        VirtualKey(id="vk", allowed_models=("gpt-4*", "smart")),
        VirtualKey(id="vk", allowed_models=("local/*",)),
        VirtualKey(id="vk", denied_models=("hidden", "gpt-*")),
        VirtualKey(id="vk", allowed_models=()),
    ],
)
def test_a_key_is_shown_the_models_that_the_routing_lets_it_use(
    tmp_path: Path, key: VirtualKey | None
) -> None:
    config = tmp_path / "fastgate.yaml"
    config.write_text(MANY)
    snapshot = compile_snapshot(load(config, {}), generation=1, environ={})
    slots = SharedSlots(str(tmp_path / "counters"), 64, True)
    table = RoutingTable(snapshot, Health(slots, 0), random.Random(0))
    shown = [report.model for report in collect(snapshot, key) if not report.model.endswith("/*")]
    assert shown == [model.id for model in table.public_models(key)]
    slots.close()


def test_a_provider_that_takes_any_name_is_shown_as_such(tmp_path: Path) -> None:
    config = tmp_path / "fastgate.yaml"
    config.write_text(MANY)
    snapshot = compile_snapshot(load(config, {}), generation=1, environ={})
    assert "openrouter/*" in [report.model for report in collect(snapshot, None)]
    only = VirtualKey(id="vk", allowed_models=("openrouter/*",))
    assert "openrouter/*" in [report.model for report in collect(snapshot, only)]
    assert "openrouter/*" not in [
        report.model for report in collect(snapshot, VirtualKey(id="vk", allowed_providers=("local",)))
    ]
