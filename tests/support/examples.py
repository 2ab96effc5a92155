"""The programs of `examples/`, run as their READMEs say, in environments that `make examples` has made."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.support.processes import ROOT

EXAMPLES: Final = ROOT / "examples"
PYTHON: Final = ROOT / "build" / "examples" / "bin" / "python"
_NODE_DIR: Final = ROOT / "build" / "examples_node"
_TIMEOUT_S: Final = 50


class Done(NamedTuple):
    code: int
    out: str
    err: str


def missing(example: str) -> str | None:
    """Why it cannot run here, for pytest's skip; None: it can."""
    directory = EXAMPLES / example
    if (directory / "package.json").exists():
        if shutil.which("node") is None:
            return "node is not installed"
        if not (_NODE_DIR / example / ".installed").exists():
            return f"the packages of examples/{example} are not installed: make examples"
    if (directory / "requirements.txt").exists() and not PYTHON.exists():
        return "the packages of the examples are not installed: make examples"
    if (directory / "ask.sh").exists() and shutil.which("curl") is None:
        return "curl is not installed"
    return None


def run(example: str, directory: Path, variables: Mapping[str, str], *command: str) -> Done:
    """`command` (its file, arguments) in a copy below `directory`, with PATH and these variables alone."""
    copy = directory / example
    if not copy.exists():
        shutil.copytree(EXAMPLES / example, copy)
        if (copy / "package.json").exists():
            (copy / "node_modules").symlink_to(_NODE_DIR / example / "node_modules")
    interpreter = {".py": str(PYTHON), ".js": "node", ".sh": "sh"}[Path(command[0]).suffix]
    done = subprocess.run(
        [interpreter, *command],
        cwd=copy,
        env={"HOME": str(directory), "PATH": os.environ["PATH"], **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())
