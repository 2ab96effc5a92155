"""Each module imports alone, so that no import depends on what was imported before it."""

import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"
BATCHES = 8

# Imports each of the modules it is given in a forked copy of a fresh interpreter: one interpreter's
# start and no more, but nothing that one of them imported is there for the next.
_DRIVER = """
import os, sys, traceback
failed = []
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            __import__(name)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        failed.append(name)
if failed:
    sys.exit("cannot be imported alone: " + ", ".join(failed))
"""


def modules() -> list[str]:
    names = []
    for path in sorted((SRC / "fastgate").rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        if parts[-1] == "__main__" or parts[-2:] == ("migrations", "env"):
            continue  # importing it runs the program, or the migrations
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


@pytest.mark.parametrize("batch", range(BATCHES))
def test_each_module_imports_alone(batch: int) -> None:
    names = modules()[batch::BATCHES]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _DRIVER, *names],
        env={"PYTHONPATH": str(SRC)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
