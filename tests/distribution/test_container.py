"""The container's image: its recipe, and what is in it run as an engine would run it."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest
from deploy.container import recipe
from tests.support.artifacts import SOURCES, source_files
from tests.support.container import BUILT, IMAGE, USER, Container, why_not
from tests.support.fake_provider import FakeProvider
from tests.support.processes import ROOT
from tests.support.replies import chat_reply

from fastgate.config.settings import Settings

STEPS = list(recipe.steps())
SCRIPTS = sorted((ROOT / "docker").glob("*.sh"))
_CALL = re.compile(r"/(?:docker|context/docker)/([a-z]+\.sh)((?: [\w./*-]+)*)")
_MOUNT = re.compile(r"--mount=type=bind(?:,from=[a-z]+)?(?:,source=/?[a-z]+)?,target=/[a-z]+")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.IGNORECASE)
PR_SET_NAME = 15
KEY = "sk-container-0123456789abcdef0123456789abcdef"


def of_image(kind: str) -> list[recipe.Step]:
    return [step for step in STEPS if step.kind == kind and not step.stage]


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(name)
    return subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


# --- the recipe -------------------------------------------------------------------------------------


def test_all_that_is_run_is_a_script_that_ci_runs_too() -> None:
    called = []
    for step in (step for step in STEPS if step.kind == "RUN"):
        assert all(map(_MOUNT.fullmatch, step.flags)), step.flags
        call = _CALL.fullmatch(" ".join(step.words))
        assert call is not None, f"does more than to call a script: {step.words}"
        called.append(call[1])
    # The one that is called by another is called by no step.
    assert sorted([*called, "sbom.sh"]) == [script.name for script in SCRIPTS]
    assert all(os.access(script, os.X_OK) for script in SCRIPTS)


def test_the_linters_find_nothing() -> None:
    for done in (tool("hadolint", "Dockerfile"), tool("shellcheck", *map(str, SCRIPTS))):
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_the_builder_is_sent_is_what_the_scripts_need_and_nothing_else() -> None:
    sent = recipe.context()
    sources = {path for path in sent if path.startswith("src/")}
    assert sent - sources == {
        "LICENSE",
        "README.md",
        "constraints-sbom.txt",
        "constraints.txt",
        "pyproject.toml",
        "setup.py",
        *(f"docker/{script.name}" for script in SCRIPTS),
    }
    assert {"src/fastgate/cli/main.py", "src/fastgate/_core/sse.pyx"} <= sources
    assert {path.removeprefix("src/") for path in sources} == {
        path.relative_to(SOURCES).as_posix() for path in source_files()
    }


def test_it_comes_from_slim_and_nothing_of_the_compiler_gets_in() -> None:
    assert {step.words[0] for step in STEPS if step.kind == "FROM"} == {"python:${PYTHON}-slim"}
    stages = {step.words[2] for step in STEPS if step.kind == "FROM" and len(step.words) > 2}
    for step in (step for step in STEPS if step.kind in {"COPY", "ADD"}):
        assert step.kind == "COPY"
        assert not step.stage
        assert step.flags == ("--from=environment",)
    assert stages == {"wheel", "environment"}
    assert [step.stage for step in STEPS if "compiler.sh" in step.words[0]] == ["wheel"]


def test_no_secret_can_be_built_in() -> None:
    names = [step.words[0].partition("=")[0] for step in STEPS if step.kind == "ARG"]
    names += [name for step in STEPS if step.kind == "ENV" for name in step.words[::2]]
    assert names
    assert not [name for name in names if _SECRET.search(name)]


def test_who_it_runs_as_and_where_it_writes() -> None:
    assert re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", USER), "Kubernetes' runAsNonRoot needs a number"
    after = STEPS[STEPS.index(of_image("USER")[-1]) :]
    assert not any(step.kind in {"RUN", "COPY", "ADD"} for step in after)
    data = recipe.environment()["FASTGATE_DATA_DIR"]
    assert [step.words for step in of_image("VOLUME")] == [(data,)]
    assert of_image("RUN")[0].words[0].endswith(f" {data}")


def test_how_it_is_started_watched_and_stopped() -> None:
    assert recipe.last("ENTRYPOINT") == ("fastgate",), "an own init would be one process too many"
    assert recipe.last("CMD") == ("serve",)
    assert recipe.last("STOPSIGNAL") == ("SIGTERM",)
    assert recipe.last("HEALTHCHECK") == ("CMD", "fastgate", "health")
    assert recipe.last("EXPOSE") == (str(Settings().server.port),)
    assert recipe.environment()["FASTGATE_SERVER__PORT"] == recipe.last("EXPOSE")[0]


def test_the_labels_are_those_of_the_image_specification() -> None:
    words = recipe.last("LABEL")
    labels = {name: value.strip('"') for name, value in zip(words[::2], words[1::2], strict=True)}
    prefix = "org.opencontainers.image."
    assert {name.removeprefix(prefix) for name in labels} == {
        "title",
        "description",
        "licenses",
        "version",
        "revision",
        "source",
    }
    assert f'license = "{labels[prefix + "licenses"]}"' in (ROOT / "pyproject.toml").read_text()
    arguments = {step.words[0].partition("=")[0] for step in of_image("ARG")}
    for name in ("version", "revision", "source"):
        assert labels[prefix + name] == f"${{{name.upper()}}}"
        assert name.upper() in arguments


# --- what is in it ----------------------------------------------------------------------------------

in_sandbox = pytest.mark.skipif(bool(why_not()), reason=why_not() or "it can be run")


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def container(tmp_path: Path, provider: FakeProvider) -> Iterator[Container]:
    """Configured by its environment alone."""
    local = {"dialect": "openai", "base_url": provider.url, "credentials": [{"secret": "none"}]}
    environment = {
        "FASTGATE_PROVIDERS": msgspec.json.encode({"local": {**local, "models": ["small"]}}).decode(),
        "FASTGATE_VIRTUAL_KEYS": f'[{{"id": "vk_test", "secret": "{KEY}"}}]',
        "FASTGATE_UNPRICED": "allow",
        "FASTGATE_SERVER__WORKERS": "1",
    }
    with Container(tmp_path, environment) as container:
        yield container


@in_sandbox
def test_it_serves_where_it_can_write_to_its_volume_only(
    container: Container, provider: FakeProvider, tmp_path: Path
) -> None:
    provider.script(chat_reply("From the container"))
    body = {"model": "small", "messages": [{"role": "user", "content": "?"}]}
    answer = httpx.post(
        f"{container.url}/v1/chat/completions", json=body, headers={"authorization": f"Bearer {KEY}"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"] == "From the container"

    for place in ("/", "/tmp", "/opt/fastgate", "/var/lib/fastgate"):
        refused = container.exec("touch", f"{place}/written")
        assert "Read-only file system" in refused.stderr
    status = Path(f"/proc/{container.init.pid}/status").read_text()
    uid = USER.partition(":")[0]
    for line in (f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}", "NoNewPrivs:\t1", "CapEff:\t0000000000000000"):
        assert line in status
    assert "CapBnd:\t0000000000000000" in status

    healthy = container.exec(*recipe.last("HEALTHCHECK")[1:])
    assert (healthy.returncode, healthy.stdout) == (0, f"{container.url}: ready\n")

    container.init.send_signal(signal.SIGTERM)
    assert container.child.wait() == 0
    lines = [msgspec.json.decode(line) for line in container.child.stderr.seen]
    assert [line for line in lines if line["level"] not in {"debug", "info"}] == []
    assert {path.stat().st_uid for path in tmp_path.rglob("*")} == {int(uid)}


@in_sandbox
def test_as_process_1_it_collects_the_orphans_of_others(container: Container) -> None:
    before = {process.pid for process in container.init.children()}
    for command in (
        ("sh", "-c", "for each in 1 2 3; do sleep 0.5 & done"),
        # A process may name itself by any bytes.
        ("python", "-c", f"import ctypes, os; os.fork() or ctypes.CDLL(None).prctl({PR_SET_NAME}, b'\\xff')"),
    ):
        done = container.exec(*command)
        assert done.returncode == 0, done.stderr
    adopted = {process.pid for process in container.init.children()} - before
    assert len(adopted) == 4, "they are not its children"
    deadline = time.monotonic() + 20
    while left := _orphans(container.init, adopted):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.05)
    assert container.exec("fastgate", "health").returncode == 0


def _orphans(init: psutil.Process, adopted: set[int]) -> list[psutil.Process]:
    """Those of `adopted`, and whatever else is a zombie: starting leaves one too (`supervisor.begin`)."""
    found = []
    for process in init.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.pid in adopted or process.status() == psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@in_sandbox
def test_its_ingredients_are_listed(tmp_path: Path) -> None:
    environment = Path(IMAGE) / "opt/fastgate" if IMAGE else BUILT / "environment"
    bill = msgspec.json.decode((environment / "share/fastgate/sbom.cdx.json").read_bytes())
    assert bill["bomFormat"] == "CycloneDX"
    listed = {(component["name"], component["version"]) for component in bill["components"]}
    (packages,) = environment.glob("lib/python3.*/site-packages")
    installed = {
        (metadata["Name"], metadata["Version"])
        for metadata in map(_metadata, packages.glob("*.dist-info/METADATA"))
    }
    assert {"fastgate", "psycopg", "botocore", "google-auth", "azure-identity"} <= {
        name for name, _ in installed
    }
    assert listed == installed
    assert "pip" not in {name for name, _ in installed}


def _metadata(path: Path) -> dict[str, str]:
    head = path.read_text().partition("\n\n")[0]
    return dict(line.split(": ", 1) for line in head.splitlines() if line.startswith(("Name: ", "Version: ")))
