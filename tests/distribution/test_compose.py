"""The compose files, as the loader of `docker compose` itself reads and merges them."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from deploy.container import recipe
from tests.support.processes import ROOT, python_environment

from fastgate.config import interpolate, load
from fastgate.config.settings import Settings

LOADER: Final = ROOT / "build" / "compose" / "compose"
DIRECTORY: Final = ROOT / "docker" / "compose"
ALONE: Final = ("compose.yaml",)
MONITORED: Final = (*ALONE, "compose.monitoring.yaml")
WITH_POSTGRES: Final = (*ALONE, "compose.postgres.yaml")
ALL: Final = (*MONITORED, "compose.postgres.yaml")
_ENDING_S: Final = 15
_SECRETS: Final = {
    "openai_api_key": "sk-upstream-0123456789",
    "virtual_key": "sk-client-0123456789abcdef0123456789abcdef",
    "ledger_url": "postgresql://fastgate:pass-of-postgres@postgres:5432/fastgate",
}

pytestmark = pytest.mark.skipif(not LOADER.exists(), reason="needs go, and make build/compose/compose")


def project(*files: str) -> dict[str, Any]:
    done = subprocess.run(
        [LOADER, *files],
        cwd=DIRECTORY,
        env=python_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded: dict[str, Any] = msgspec.json.decode(done.stdout)
    return loaded


def settings(service: Mapping[str, Any], directory: Path) -> Settings:
    """What the service's variables configure, on top of the image's; its secrets are files in `directory`."""
    for secret in service["secrets"]:
        assert secret["target"] == f"/run/secrets/{secret['source']}"
        (directory / secret["source"]).write_text(_SECRETS[secret["source"]] + "\n")
    variables = {**recipe.environment(), **service["environment"]}
    return load.load(
        None, {name: text.replace("/run/secrets", str(directory)) for name, text in variables.items()}
    )


@pytest.mark.parametrize("files", [ALONE, MONITORED, WITH_POSTGRES, ALL], ids="+".join)
def test_every_service_can_write_to_its_volumes_only_and_gains_no_right(files: tuple[str, ...]) -> None:
    loaded = project(*files)
    for name, service in loaded["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert not {"cap_add", "privileged", "network_mode", "pid"} & service.keys(), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == "unless-stopped", name
        for volume in service["volumes"]:
            assert volume["type"] == "volume", f"{name}: a directory of the host"
        for port in service.get("ports", []):
            assert port["host_ip"] == "127.0.0.1", f"{name}: reached from everywhere"


@pytest.mark.parametrize("files", [ALONE, MONITORED, WITH_POSTGRES, ALL], ids="+".join)
def test_secrets_are_files_and_what_is_mounted_exists(files: tuple[str, ...]) -> None:
    loaded = project(*files)
    for service in loaded["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("KEY|PASSWORD|SECRET|LEDGER__URL", name):
                assert "/run/secrets/" in value, name
    for secret in loaded["secrets"].values():
        path = Path(secret["file"]).relative_to(DIRECTORY)
        assert path.parent == Path("secrets"), "git ignores that one"
    for config in loaded.get("configs", {}).values():
        assert Path(config["file"]).is_file()


def test_others_images_are_of_one_version() -> None:
    for name, service in project(*ALL)["services"].items():
        if name != "fastgate":
            assert re.search(r":v?[0-9]+(\.[0-9]+)*(-alpine)?$", service["image"]), service["image"]


@pytest.mark.parametrize("files", [ALONE, ALL], ids="+".join)
def test_the_gateway_is_configured_and_has_the_time_to_drain(files: tuple[str, ...], tmp_path: Path) -> None:
    service = project(*files)["services"]["fastgate"]
    loaded = settings(service, tmp_path)
    assert [credential.secret for credential in loaded.providers["openai"].credentials] != []
    assert [key.id for key in loaded.virtual_keys] == ["vk_first"]
    grace = re.fullmatch(r"(?:([0-9]+)m)?([0-9]+)s", service["stop_grace_period"])
    assert grace is not None
    assert int(grace[1] or 0) * 60 + int(grace[2]) >= loaded.server.drain_s + _ENDING_S
    (volume,) = service["volumes"]
    assert volume["target"] == recipe.last("VOLUME")[0] == loaded.data_dir
    (port,) = service["ports"]
    assert port["target"] == loaded.server.port
    assert Path(service["build"]["context"]) == ROOT


def test_the_ledger_is_in_the_postgres_that_is_started(tmp_path: Path) -> None:
    services = project(*WITH_POSTGRES)["services"]
    url = settings(services["fastgate"], tmp_path).ledger.url
    assert url is not None
    assert interpolate.expand(url, {}) == _SECRETS["ledger_url"]
    address = re.fullmatch(r"postgresql://(\w+):.+@(\w+):5432/(\w+)", _SECRETS["ledger_url"])
    assert address is not None
    environment = services["postgres"]["environment"]
    assert address.groups() == (environment["POSTGRES_USER"], "postgres", environment["POSTGRES_DB"])
    assert services["fastgate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert _SECRETS["ledger_url"].replace("pass-of-postgres", "$(cat secrets/postgres_password)") in _page()


def test_prometheus_and_grafana_find_each_other_and_their_files() -> None:
    loaded = project(*MONITORED)
    services, configs = loaded["services"], loaded["configs"]
    read = {
        config["target"]: Path(configs[config["source"]]["file"]).read_text()
        for service in ("prometheus", "grafana")
        for config in services[service]["configs"]
    }
    port = services["fastgate"]["ports"][0]["target"]
    assert f"fastgate:{port}" in read["/etc/prometheus/prometheus.yml"]
    assert "url: http://prometheus:9090" in read["/etc/grafana/provisioning/datasources/fastgate.yaml"]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert msgspec.json.decode(read[home])["title"] == "fastgate"
    assert f"path: {os.path.dirname(home)}" in read["/etc/grafana/provisioning/dashboards/fastgate.yaml"]
    assert "/etc/prometheus/alerts.yml" in read


def test_the_page_says_how_to_make_each_secret() -> None:
    for name in project(*ALL)["secrets"]:
        assert f"secrets/{name}" in _page()


def _page() -> str:
    return (ROOT / "docs" / "container.md").read_text()
