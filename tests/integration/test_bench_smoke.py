"""The benchmark suite runs: every kind of load, the reference gateway beside fastgate, no error anywhere."""

import shutil
import subprocess
import sys

import pytest
from benchmarks.suite.programs import not_built
from tests.support.processes import ROOT, from_sources, python_environment

MISSING = next(filter(None, map(not_built, ("load", "upstream", "reference"))), None) or (
    None if shutil.which("nginx") else "nginx is not installed"
)


@from_sources
@pytest.mark.timeout(180)
@pytest.mark.skipif(MISSING is not None, reason=str(MISSING))
def test_it_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.suite", "smoke"],
        cwd=ROOT,
        env=python_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.endswith(" turns, 0 void, 0 left out\n")
