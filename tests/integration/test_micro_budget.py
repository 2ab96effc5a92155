"""What the core functions, the phases of a request and the rest of the micro benchmarks take, against
`benchmarks/budget.toml`: the first look at a regression, long before a load test."""

import subprocess
import sys

import pytest
from tests.support.processes import ROOT, from_sources, python_environment

LOOKS = 3


@from_sources
@pytest.mark.timeout(240)
def test_nothing_takes_twice_its_budget() -> None:
    """In multiples of a loop that runs beside it. What is too slow by chance is not so each time."""
    mode = ROOT / "build/mode"
    if mode.exists() and mode.read_text().strip() != "release":
        pytest.skip(f"the extension modules are built for {mode.read_text().strip()}: make build")
    for look in range(LOOKS):
        done = _quick_look()
        if done.returncode == 0:
            return
        assert look + 1 < LOOKS, f"{done.stdout}\n{done.stderr}"


def _quick_look() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.micro", "--quick"],
        cwd=ROOT,
        env=python_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
