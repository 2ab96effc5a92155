"""Child processes of tests: started, read line by line, and killed with all their descendants."""

import asyncio
import concurrent.futures
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TypeVar

import psutil
import pytest

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]

TARGET = os.environ.get("FASTGATE_TEST_TARGET")
"""The single binary, where tests shall start that; else they start what is in src."""

UNPACKING = {"FASTGATE_UNPACK_DIR": str(ROOT / "build" / "unpacked")}
"""Where binaries unpack themselves, as variables for their environment."""

from_sources = pytest.mark.skipif(TARGET is not None, reason="runs a module that the single binary has not")

_PREFIXES = ("FASTGATE_", "ANTHROPIC_", "AWS_", "AZURE_", "GOOGLE_", "OPENAI_")


def python_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without anything of the developer's that would configure a gateway."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_PREFIXES) and not name.endswith(("_API_KEY", "_TOKEN"))
    }
    # The binary looks into its own tree, whatever PYTHONPATH says.
    ours = {"PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1", **UNPACKING}
    return {**kept, **ours, **(extra or {})}


class Lines:
    """The lines of a pipe as they come; kept, and waited for. Filled by a thread of its own."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.seen: list[str] = []
        self.ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(pipe,), name="lines", daemon=True)
        self._thread.start()

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            with self._changed:
                self.seen.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()
        pipe.close()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait_for(self, wanted: Callable[[str], bool], timeout: float, start: int = 0) -> str | None:
        """The first such line from index `start` on; None when the pipe ended or time is up."""
        deadline = time.monotonic() + timeout
        with self._changed:
            at = start
            while True:
                for line in self.seen[at:]:
                    if wanted(line):
                        return line
                at = len(self.seen)
                left = deadline - time.monotonic()
                if self.ended or left <= 0:
                    return None
                self._changed.wait(left)

    def join(self) -> None:
        self._thread.join(5)


class ChildProcess:
    """A process with its output. `stop` ends it and whatever it started."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> None:
        self.process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in the terminal is for pytest
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.stdout = Lines(self.process.stdout)
        self.stderr = Lines(self.process.stderr)

    def output(self) -> str:
        """Everything said so far, for messages of failed tests."""
        return "\n".join([*self.stdout.seen, *self.stderr.seen[-50:]])

    def descendants(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = 15.0) -> int:
        """Its exit code; subprocess.TimeoutExpired where it goes on."""
        code = self.process.wait(timeout)
        self.stdout.join()
        self.stderr.join()
        return code

    async def wait_async(self, timeout: float = 15.0) -> int:
        return await in_thread(lambda: self.wait(timeout))

    def stop(self, grace: float = 5.0) -> int | None:
        """SIGTERM, then SIGKILL for all that is left of the tree. The exit code of a regular end."""
        tree = self.descendants()
        self.process.terminate()
        code = None
        try:
            code = self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        _, alive = psutil.wait_procs(tree, timeout=1)
        for process in alive:
            process.kill()
        psutil.wait_procs(alive, timeout=5)
        self.stdout.join()
        self.stderr.join()
        return code


_threads = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="test-wait")


async def in_thread(function: Callable[[], T]) -> T:
    """Run something that blocks without blocking the loop."""
    return await asyncio.get_running_loop().run_in_executor(_threads, function)


def fastgate_command(*arguments: str) -> list[str]:
    """The command as users have it, of `TARGET`."""
    started = [sys.executable, "-m", "fastgate"] if TARGET is None else [str(Path(TARGET).resolve())]
    return [*started, *arguments]
