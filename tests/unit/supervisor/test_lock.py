"""The lock of a data directory, against real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fastgate.app import build, worker
from fastgate.control import process
from fastgate.launch import ENDING_S, ORPHAN_DRAIN_S
from fastgate.supervisor import family
from fastgate.supervisor import lock as lock_module
from fastgate.supervisor.errors import StartError
from fastgate.supervisor.lock import Lock

# Takes the lock and holds it until its standard input ends.
_SUPERVISOR = """
import sys
from pathlib import Path
from fastgate.supervisor.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""

# Takes the lock, leaves it to a child, and is killed. The child holds it until its standard input ends.
_KILLED = """
import os, signal, subprocess, sys
from pathlib import Path
from fastgate.supervisor.lock import Lock
lock = Lock(Path(sys.argv[1]))
child = "import sys; print('held', flush=True); sys.stdin.read()"
subprocess.Popen([sys.executable, "-c", child], pass_fds=[lock.fd])
os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def held_by(script: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.stdin.close()
    process.stdout.read()  # until the last holder of the pipe is gone
    process.stdout.close()
    process.wait()


def test_second_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with (
        held_by(_SUPERVISOR, tmp_path / "lock") as holder,
        pytest.raises(StartError, match=rf"in use by another fastgate \(pid {holder.pid}\)") as refused,
    ):
        Lock(tmp_path / "lock")
    assert "\n" not in str(refused.value)


def test_is_free_after_close(tmp_path: Path) -> None:
    Lock(tmp_path / "lock").close()
    lock = Lock(tmp_path / "lock")
    assert (tmp_path / "lock").read_text() == str(os.getpid())
    lock.close()


def test_waits_for_orphans_of_a_killed_one(tmp_path: Path) -> None:
    """Whether the killed one is a zombie yet, or its pid another's: the lock knows."""
    with held_by(_KILLED, tmp_path / "lock") as holder:
        assert holder.stdin is not None
        holder.stdin.close()  # the orphan ends now, or a moment later
        Lock(tmp_path / "lock").close()


def test_orphans_that_do_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "ORPHANS_WAIT_S", 0.1)
    with (
        held_by(_KILLED, tmp_path / "lock") as holder,
        pytest.raises(StartError, match=rf"in use by workers of a dead fastgate \(pid {holder.pid}\)"),
    ):
        Lock(tmp_path / "lock")


def test_limits_agree() -> None:
    """Each process is given the time that it takes by its own limits."""
    assert worker.SETTLE_S + 2 * build.CLOSING_S + worker.FLUSH_S < ENDING_S
    assert process.STOP_S < family.HELPERS_S
    assert ORPHAN_DRAIN_S + ENDING_S < lock_module.ORPHANS_WAIT_S
