"""The systemd unit: systemd-analyze takes it, and a gateway works under what it forbids.

No systemd runs here. The kernel is told the unit's restrictions by `tests.support.unit_sandbox` instead.
"""

import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

import httpx
import pytest
import yaml
from tests.support import unit_sandbox
from tests.support.artifacts import ROOT
from tests.support.gateway_process import SECRET
from tests.support.processes import ChildProcess, fastgate_command, python_environment

from fastgate.config.load import check
from fastgate.config.server_settings import Server

SYSTEMD: Final = ROOT / "deploy" / "systemd"
UNIT: Final = SYSTEMD / "fastgate.service"
GUIDE: Final = (ROOT / "docs" / "systemd.md").read_text()
MOST_EXPOSED: Final = 1.5  # of 10; versions of systemd weigh a little differently
ENDING_S: Final = 15
"""What docs/operations.md says that a gateway may take beyond `server.drain_s`."""

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def setting(name: str) -> str:
    (value,) = unit_sandbox.settings(UNIT, name)
    return value


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The root of a file system with the unit, its drop-in, and systemd's own units."""
    units = tmp_path / "etc" / "systemd" / "system"
    (units / "fastgate.service.d").mkdir(parents=True)
    shutil.copy(UNIT, units)
    shutil.copy(SYSTEMD / "credentials.conf", units / "fastgate.service.d")
    shutil.copytree("/lib/systemd/system", tmp_path / "usr" / "lib" / "systemd" / "system", symlinks=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    for program in (setting("ExecStart").split()[0], setting("ExecReload").split()[0]):
        path = tmp_path / program[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return tmp_path


def test_systemd_takes_the_unit_and_its_drop_in(machine: Path) -> None:
    made = analyzed("verify", f"--root={machine}", "fastgate.service")
    assert (made.returncode, made.stderr) == (0, "")


def test_systemd_would_refuse_a_wrong_unit(machine: Path) -> None:
    drop_in = machine / "etc/systemd/system/fastgate.service.d/wrong.conf"
    drop_in.write_text("[Service]\nRestrictNamspaces=yes\n")
    assert "RestrictNamspaces" in analyzed("verify", f"--root={machine}", "fastgate.service").stderr


def test_the_exposure_is_what_the_docs_say() -> None:
    made = analyzed("security", "--offline=true", "--threshold=100", "--no-pager", str(UNIT))
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", made.stdout)
    assert score is not None, made.stderr
    documented = re.search(r"\*\*([0-9.]+)\*\*", GUIDE)
    assert documented is not None
    assert float(score[1]) <= MOST_EXPOSED
    assert float(score[1]) == pytest.approx(float(documented[1]), abs=0.3)


def test_the_user_can_be_made(tmp_path: Path) -> None:
    if shutil.which("systemd-sysusers") is None:
        pytest.skip("there is no systemd-sysusers")
    (tmp_path / "etc").mkdir()
    file = SYSTEMD / "fastgate.sysusers.conf"
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", str(file)], check=True, capture_output=True)
    users = [line.split(":")[0] for line in (tmp_path / "etc" / "passwd").read_text().splitlines()]
    assert users == [setting("User")]


def test_it_is_given_the_time_to_drain() -> None:
    assert float(setting("TimeoutStopSec")) >= Server().drain_s + ENDING_S


def test_its_variables_are_settings(tmp_path: Path) -> None:
    given = [line.partition("=") for line in unit_sandbox.settings(UNIT, "Environment")]
    environ = {name: value for name, _, value in given}
    config = tmp_path / "fastgate.yaml"
    config.write_text("{}")
    settings, found = check(None, {**environ, "FASTGATE_CONFIG": str(config)})
    assert settings is not None, found
    assert settings.data_dir.startswith(f"/var/lib/{setting('StateDirectory')}/")
    assert environ["FASTGATE_UNPACK_DIR"] == f"/var/cache/{setting('CacheDirectory')}"


def test_the_drop_in_names_a_variable_that_takes_a_file(tmp_path: Path) -> None:
    (line,) = unit_sandbox.settings(SYSTEMD / "credentials.conf", "Environment")
    (tmp_path / "openai").write_text("sk-openai\n")
    name, _, value = line.replace("%d", str(tmp_path)).partition("=")
    settings, found = check(None, {"FASTGATE_CONFIG_YAML": "{}", name: value})
    assert settings is not None, found
    assert list(settings.providers) == ["openai"]


# --- under what it forbids ------------------------------------------------------------------------

ATTEMPTS: Final = """
import mmap, os, socket
for attempt in (
    lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    lambda: os.setgroups([]),
    lambda: os.chroot("/"),
):
    try:
        attempt()
        print("allowed")
    except PermissionError:
        print("refused")
"""

needs_sandbox = pytest.mark.skipif(
    not unit_sandbox.is_possible(), reason="needs Linux 6.3, libseccomp and systemd-analyze"
)


def sandboxed(command: list[str]) -> list[str]:
    return [sys.executable, unit_sandbox.__file__, str(UNIT), *command]


@needs_sandbox
def test_the_sandbox_holds() -> None:
    made = subprocess.run(
        sandboxed([sys.executable, "-c", ATTEMPTS]), capture_output=True, text=True, timeout=30, check=True
    )
    assert made.stdout.split() == ["refused"] * 4


@needs_sandbox
def test_a_gateway_serves_and_tells_systemd(tmp_path: Path) -> None:
    config = {
        "server": {"workers": 2, "port": 0, "drain_s": 5},
        "virtual_keys": [{"id": "vk_test", "secret": SECRET}],
        "data_dir": str(tmp_path / "data"),
    }
    (tmp_path / "fastgate.yaml").write_text(yaml.safe_dump(config))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        environment = python_environment({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        child = ChildProcess(sandboxed(fastgate_command("serve")), environment, tmp_path)
        try:
            assert manager.recv(4096) == b"READY=1", child.output()
            line = child.stdout.wait_for(lambda line: line.startswith("fastgate ready on "), 5)
            assert line is not None, child.output()
            with httpx.Client(
                base_url=line.split()[3], headers={"authorization": f"Bearer {SECRET}"}
            ) as client:
                model = client.get("/v1/models").json()["data"][0]["id"]
                asked = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
                assert client.post("/v1/chat/completions", json=asked).status_code == 200
                streamed = client.post("/v1/chat/completions", json={**asked, "stream": True})
                assert streamed.text.endswith("data: [DONE]\n\n")
            child.signal(signal.SIGHUP)
            reloaded = child.stderr.wait_for(lambda line: '"configuration is as it was"' in line, 10)
            assert reloaded is not None, child.output()
            # All of the unit's processes, as KillMode=control-group says, which is the default.
            for process in child.descendants():
                process.terminate()
            child.signal(signal.SIGTERM)
            assert child.wait(20) == 0, child.output()
            assert manager.recv(4096) == b"STOPPING=1"
        finally:
            child.stop()
