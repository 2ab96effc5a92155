"""The single binary that `make binary` builds: what is in it, and that it serves, reloads, drains, is killed
and is audited as fastgate is that was installed. How it unpacks itself is in test_launcher.py, and all of
tests/integration runs against it by FASTGATE_TEST_TARGET."""

import platform
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import openai
import psutil
import pytest
from tests.support.artifacts import ROOT, artifact
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config, provider_config
from tests.support.sim_process import SimProcess

from fastgate import __version__

GLIBC: Final = re.compile(
    r"lib(c|m|dl|rt|pthread|util|resolv)\.so\.\d|ld-linux-[\w-]+\.so\.\d|linux-vdso\.so\.1"
)
# Of the modules that are not in Python, those that each request goes through, and some more.
LOADED: Final = (
    *("fastgate__mypyc", "fastgate/pipeline/run", "fastgate/_core/sse"),
    *("uvloop/loop", "httptools/parser/parser", "lmdb/cpython", "msgspec/_core"),
)
VENDORS: Final = """
import botocore.session, google.auth.aws, google.oauth2.service_account, azure.identity, psycopg.pq
import google.auth.transport.requests, zoneinfo, granian.server.embed, uvloop, httptools
session = botocore.session.Session()
for service in ("sts", "sso", "sso-oidc"):
    session.create_client(service, "eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")
assert psycopg.pq.__impl__ == "binary"
zoneinfo.reset_tzpath(())
zoneinfo.ZoneInfo("Europe/Berlin")
"""


@pytest.fixture(scope="module")
def binary() -> Path:
    return artifact(f"dist/fastgate-linux-{platform.machine()}")


@pytest.fixture(scope="module")
def tree(binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where it has unpacked itself, when it was started with all that could lead it astray."""
    place = tmp_path_factory.mktemp("unpacked")
    astray = {"PYTHONPATH": str(ROOT / "src"), "PYTHONHOME": "/nonexistent"}
    done = subprocess.run(
        [binary, "--version"],
        env={"FASTGATE_UNPACK_DIR": str(place), **astray},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"fastgate {__version__}\n", "")
    (tree,) = place.iterdir()
    yield tree
    shutil.rmtree(tree)


@pytest.fixture(scope="module")
def sim() -> Iterator[SimProcess]:
    with SimProcess() as sim:
        yield sim


@pytest.fixture
def gateway(binary: Path, tree: Path, sim: SimProcess, tmp_path: Path) -> Iterator[GatewayProcess]:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {"FASTGATE_UNPACK_DIR": str(tree.parent), "TMPDIR": str(temporary)}
    config = gateway_config({"simulated": provider_config(sim.base_url)})
    with GatewayProcess(config, tmp_path, env=environment, command=[str(binary)]) as gateway:
        yield gateway
    assert list(temporary.iterdir()) == []
    assert list(tree.parent.iterdir()) == [tree]


def _client(gateway: GatewayProcess) -> openai.OpenAI:
    return openai.OpenAI(base_url=gateway.base_url, api_key=SECRET, max_retries=0)


def _ask(client: openai.OpenAI, model: str = "gpt-4o") -> str | None:
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hello!"}])
    return answer.choices[0].message.content


def test_it_needs_glibc_and_nothing_else(tree: Path) -> None:
    outside = set()
    for library in (tree / "bin/python", *tree.rglob("*.so*")):
        said = subprocess.run(["ldd", library], capture_output=True, text=True, check=False).stdout
        for line in said.splitlines():
            name, _, place = line.strip().partition(" => ")
            if "linked" not in line and not place.startswith(str(tree)):
                outside.add(Path(name.split()[0]).name)
    # Found by whoever loads them: the libraries that a wheel brings beside its modules.
    outside -= {path.name for path in tree.rglob("*.libs/*")}
    assert {name for name in outside if not GLIBC.fullmatch(name)} == set()


def test_the_libraries_of_the_vendors_are_in_it(tree: Path) -> None:
    done = subprocess.run(
        [tree / "bin/python", "-I", "-c", VENDORS], env={}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_it_runs_what_is_compiled_and_nothing_of_this_machine(gateway: GatewayProcess, tree: Path) -> None:
    with _client(gateway) as client:
        assert _ask(client)
    mapped = {line.path for line in psutil.Process(gateway.pids()["worker-1"]).memory_maps()}
    ours = {
        path.removeprefix(f"{tree}/").partition(".cpython")[0]
        for path in mapped
        if path.startswith(str(tree))
    }
    (installed,) = (path.relative_to(tree) for path in tree.glob("lib/*/site-packages"))
    assert {f"{installed}/{name}" for name in LOADED} <= ours
    libraries = {Path(path) for path in mapped if ".so" in path and not path.startswith(str(tree))}
    assert {path.name for path in libraries if not GLIBC.fullmatch(path.name)} == set()


def test_it_serves_streams_reloads_and_ends(
    gateway: GatewayProcess, binary: Path, tree: Path, sim: SimProcess
) -> None:
    with _client(gateway) as client:
        assert _ask(client)
        stream = client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "Hello!"}], stream=True
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        generation = gateway.status()["generation"]
        gateway.write_config(gateway_config({"simulated": provider_config(sim.base_url, "another")}))
        gateway.hang_up()
        gateway.until_metric_sync(
            lambda scrape: scrape.value("fastgate_config_generation", process="worker-1") > generation
        )
        assert _ask(client, "another")
        with pytest.raises(openai.NotFoundError):
            _ask(client)
    place = ["--config", str(gateway.config_path), "--data-dir", str(gateway.data_dir)]
    unpacked = {"FASTGATE_UNPACK_DIR": str(tree.parent)}
    done = subprocess.run(
        [binary, "audit", *place], env=unpacked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    family = gateway.child.descendants()
    gateway.terminate()
    assert gateway.wait() == 0
    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_a_killed_worker_is_replaced(gateway: GatewayProcess) -> None:
    dead = gateway.kill("worker-1")
    gateway.until_metric_sync(lambda _: gateway.pids().get("worker-1", dead) not in (dead, 0))
    with _client(gateway) as client:
        assert _ask(client)


def test_what_was_started_is_the_supervisor(gateway: GatewayProcess, tree: Path) -> None:
    """So whoever kills it kills the gateway, and no process stands between the two."""
    process = psutil.Process(gateway.child.process.pid)
    assert process.exe() == str(tree / "bin/python")
    assert set(gateway.pids().values()) == {child.pid for child in process.children()}
    family = gateway.child.descendants()
    gateway.child.signal(signal.SIGKILL)
    assert gateway.wait() == -signal.SIGKILL
    assert psutil.wait_procs(family, timeout=20)[1] == []
