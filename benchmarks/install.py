"""From an empty directory to a first answer, by each way to get fastgate: `python -m benchmarks.install`.

Needs what `make wheels` leaves in dist, and takes the single binary along where it is there too. No cache is
used, so what is downloaded counts, and depends on the network.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.first_answer import seconds_to_answer

ROOT: Final = Path(__file__).parents[1]
DIST: Final = ROOT / "dist"
PYTHON: Final = str(Path(sys.base_prefix, "bin", "python3"))


@dataclass(frozen=True)
class Way:
    """`commands` install a `fastgate`; to serve and to ask are two more."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    fastgate: str


def ways() -> Iterator[Way]:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    for kind, pattern in (("wheel", f"fastgate-*-{tag}-*.whl"), ("sdist", "fastgate-*.tar.gz")):
        for package in map(str, DIST.glob(pattern)):
            pip = (PYTHON, "-m", "venv", "fastgate"), ("fastgate/bin/pip", "install", "--quiet", package)
            yield Way(f"{kind}, pip", pip, "fastgate/bin/fastgate")
            if shutil.which("uv"):
                # As pip does it unasked: else the first start compiles all that it imports.
                options = ("--quiet", "--compile-bytecode", "--python", PYTHON)
                tool = ("uv", "tool", "install", *options, package)
                yield Way(f"{kind}, uv", (tool,), ".local/bin/fastgate")
    binary = DIST / f"fastgate-linux-{platform.machine()}"
    if binary.exists():
        yield Way("single binary", (("cp", str(binary), "fastgate"),), "fastgate")


def measure(way: Way) -> tuple[float, float]:
    """Seconds to install, and from there to the first answer."""
    with tempfile.TemporaryDirectory() as directory:
        started = time.monotonic()
        for command in way.commands:
            subprocess.run(command, cwd=directory, env=_of_a_newcomer(directory), check=True)
        seconds = time.monotonic() - started
        return seconds, seconds_to_answer(str(Path(directory, way.fastgate)))


def _of_a_newcomer(home: str) -> dict[str, str]:
    """The environment, without what is cached."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "XDG_"))}
    return {**kept, "HOME": home, "PIP_NO_CACHE_DIR": "1"}


def main() -> None:
    print("| way | commands | to install, s | then to the first answer, s |\n|---|---|---|---|")
    for way in ways():
        to_install, to_answer = measure(way)
        print(f"| {way.name} | {len(way.commands) + 2} | {to_install:.1f} | {to_answer:.2f} |", flush=True)


if __name__ == "__main__":
    main()
