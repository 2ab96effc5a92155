"""Where a run took place, and of what: without it a number means nothing."""

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec
import psutil

_ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("fastgate", "granian", "uvloop", "httptools", "msgspec", "lmdb")


class Machine(msgspec.Struct, kw_only=True):
    """`load` is the system's load average over a minute, when the run began."""

    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    load: float


def machine() -> Machine:
    """This one, now."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        kernel=platform.release(),
        load=round(os.getloadavg()[0], 2),
    )


def versions() -> dict[str, str]:
    """Of whatever takes part and is installed."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    commands = {
        "nginx": ["nginx", "-v"],
        "go": ["go", "env", "GOVERSION"],
        "litellm": [str(_ROOT / "build/litellm_proxy/bin/python"), "-c", _version_of("litellm")],
        "node": ["node", "--version"],
    }
    for name, command in commands.items():
        if (said := _said(command)) is not None:
            found[name] = said.rpartition("/")[2].removeprefix("go").removeprefix("v")
    portkey = _ROOT / "build/portkey/node_modules/@portkey-ai/gateway/package.json"
    if portkey.exists():
        found["portkey"] = msgspec.json.decode(portkey.read_bytes())["version"]
    return found


def commit() -> str:
    """The checked-out commit; with `+` where the tree has changes."""
    head = _said(["git", "-C", str(_ROOT), "rev-parse", "--short=12", "HEAD"])
    if head is None:
        return "unknown"
    dirty = _said(["git", "-C", str(_ROOT), "status", "--porcelain", "--untracked-files=no"])
    return f"{head}+" if dirty else head


def _version_of(package: str) -> str:
    return f"from importlib.metadata import version; print(version({package!r}))"


def _said(command: Iterable[str]) -> str | None:
    """The output of a program; None where it is not there, or failed."""
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return (done.stdout or done.stderr).strip()


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
