"""What the start waits for before anything runs beside it."""

import subprocess
import sys

from tests.support.processes import python_environment

# Each takes longer to import than a small configuration takes to check.
HEAVY = ("genai_prices", "sqlalchemy", "uvloop", "lmdb")

PROGRAM = """
import sys
import fastgate.control.first
import fastgate.supervisor.begin
print(*sys.modules)
"""


def test_what_only_compiling_takes_is_not_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=python_environment(), capture_output=True, text=True, check=True
    )
    imported = done.stdout.split()
    assert "fastgate.config.load" in imported
    assert not set(HEAVY) & set(imported)
