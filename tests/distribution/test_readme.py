"""README.md and the quickstart, as somebody reads them who is new to the project: every command, in order.

It happens in a copy of the checkout whose environment and artefacts are those of the real one, up to date, so
that `make` finds nothing left to do. What pip would fetch is lent from there as well: tests have no network.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.processes import ROOT
from tests.support.sim_process import SimProcess
from tests.support.walkthrough import Walkthrough, reader_environment

LEFT_OUT = {
    "docker ": "needs a container engine; test_container.py runs the scripts that make the image",
    "make test": "is what runs this test",
}
WITH_GO = shutil.which("go") is not None
if not WITH_GO:
    LEFT_OUT |= {"make binary": "needs go", "dist/": "there is none without go"}
LENT = (".venv", "dist", "build")
MADE = ("build", "wheels", *(["binary"] if WITH_GO else []))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git would hand out, with the times of the files, by which make sees what is up to date."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no checkout")
    if Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("the environment of README is .venv")
    copy = tmp_path_factory.mktemp("newcomer") / "fastgate"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():  # not one that was just deleted
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    for name in LENT:
        (copy / name).symlink_to(ROOT / name)
    _must_be_made(copy)
    return copy


def _must_be_made(copy: Path) -> None:
    # Not what the make around this test was told.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    for target in MADE:
        done = subprocess.run(
            ["make", "--question", target], cwd=copy, env=environment, capture_output=True, check=False
        )
        if done.returncode != 0:
            assert os.environ.get("CI") != "true", f"make {target} has something to do, though CI has made it"
            pytest.skip(f"run `make {target}` first: it is not up to date, and takes too long for a test")


@pytest.fixture
def upstream() -> Iterator[SimProcess]:
    """Stands for OpenAI, where a page says so by nothing but a key."""
    with SimProcess() as sim:
        yield sim


@pytest.mark.timeout(240)  # five starts, on a machine that may be busy
def test_readme(checkout: Path, upstream: SimProcess, tmp_path: Path) -> None:
    keys = dict.fromkeys(
        ("OPENAI_API_KEY", "OPENAI_API_KEY_SPARE", "GROQ_API_KEY"), "sk-0123456789abcdef0123456789"
    )
    environment = reader_environment(
        tmp_path / "home",
        OPENAI_BASE_URL=upstream.base_url,
        PYTHONPATH=sysconfig.get_path("purelib"),  # for what the wheel needs
        PIP_NO_INDEX="1",
        PIP_NO_DEPS="1",
    )
    first_answers = 0
    with Walkthrough(ROOT / "README.md", checkout, environment, LEFT_OUT) as reader:
        for step, output in reader.steps():
            if "curl " in output:
                _paste(output)
                first_answers += 1
            if step.startswith("OPENAI_API_KEY"):  # what follows is the configuration, which names these
                reader.environment.update(keys)
            if "keys issue" in step:
                assert "sk-fg-" in output
        assert [model["id"] for model in reader.ask().json()["data"]][:1] == ["smart"]
    assert first_answers == 3 + WITH_GO  # make run, the wheel, OpenAI; and the binary


def _paste(output: str) -> None:
    """The line that the gateway printed, as the reader pastes it."""
    (line,) = [line for line in output.splitlines() if line.strip().startswith("curl ")]
    done = subprocess.run(["sh", "-c", f"{line} -sS --fail"], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"simulated answer" in done.stdout


@pytest.mark.timeout(120)
def test_quickstart(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    here = tmp_path / "empty"
    here.mkdir()
    with Walkthrough(
        ROOT / "docs/quickstart.md", here, reader_environment(tmp_path / "home", PATH=path), {}
    ) as reader:
        said = dict(reader.steps())
        metrics = httpx.get(f"{reader.url}/metrics", timeout=10).text
    (python,) = [output for step, output in said.items() if step.startswith("from openai")]
    assert "simulated answer" in python
    (curl,) = [output for step, output in said.items() if step.startswith("curl")]
    assert '"model":"gpt-4o"' in curl
    assert "vk_search" in said["fastgate spend --by key,model"]
    assert "0.01" in said["fastgate budgets"]
    assert said["fastgate audit"].startswith("last hash: ")
    assert "openai/gpt-4o" in said["fastgate status"]
    assert "fastgate_cost_usd_total{" in metrics
