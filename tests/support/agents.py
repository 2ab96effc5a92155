"""Claude Code and Codex, the programs themselves, run without a terminal.

Installed into build/agents by `INSTALL`, with the binaries that their npm packages bring; tests skip without.
"""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.support.processes import ROOT

AGENTS_DIR: Final = ROOT / "build" / "agents"
PACKAGES: Final = ("@anthropic-ai/claude-code@2.1.331", "@openai/codex@0.169.0")
INSTALL: Final = f"npm install --prefix build/agents --no-audit --no-fund {' '.join(PACKAGES)}"

_BIN: Final = AGENTS_DIR / "node_modules" / ".bin"
_TIMEOUT_S: Final = 100


def missing(program: str) -> str | None:
    """Why it cannot run here, for pytest's skip; None: it can."""
    if not (_BIN / program).exists():
        return f"{program} is not installed: {INSTALL}"
    try:
        done = subprocess.run([_BIN / program, "--version"], capture_output=True, timeout=30, check=False)
    except OSError as error:
        return f"{program} does not run here: {error}"
    return None if done.returncode == 0 else f"{program} does not run here: {done.stderr.decode()[:200]}"


def run(command: Sequence[str], home: Path, variables: Mapping[str, str]) -> str:
    """What it says, in a home of its own, and with nothing of the developer's environment."""
    environment = {"HOME": str(home), "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}", **variables}
    done = subprocess.run(
        command,
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, (done.stdout.decode(), done.stderr.decode())
    return done.stdout.decode()
