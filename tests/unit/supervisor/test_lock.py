"""The lock of a data directory, against real processes."""

import asyncio
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.processes import in_thread

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


# Holds the lock until a line comes, gives it up to a successor, and ends with its standard input.
_PREDECESSOR = """
import sys
from pathlib import Path
from fastgate.supervisor.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
lock.give_up()
sys.stdin.read()
"""


def _its_file(pid: int, path: Path) -> int:
    """A duplicate of the descriptor that another process has of a file: pidfd_getfd(2)."""
    fds = os.listdir(f"/proc/{pid}/fd")
    (fd,) = (int(each) for each in fds if Path(f"/proc/{pid}/fd/{each}").readlink() == path)
    pidfd = os.pidfd_open(pid)
    duplicate: int = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, fd, 0)
    os.close(pidfd)
    assert duplicate >= 0, os.strerror(ctypes.get_errno())
    return duplicate


async def test_a_successor_takes_over(tmp_path: Path) -> None:
    """It is refused to others all the time: before, after, and while the one before goes on."""
    path = tmp_path / "lock"
    with held_by(_PREDECESSOR, path) as before:
        assert before.stdin is not None
        # As a socket would bring it: the open file, which holds the second lock.
        lock = Lock.shared(_its_file(before.pid, path))
        taking = asyncio.ensure_future(lock.take_over())
        done, _ = await asyncio.wait({taking}, timeout=0.1)
        assert not done
        before.stdin.write("\n")
        before.stdin.flush()
        await taking
        # Not by another descriptor: to close that would drop the lock.
        assert os.pread(lock.fd, 32, 0) == str(os.getpid()).encode()
    probe = [sys.executable, "-c", _SUPERVISOR, str(path)]
    refused = await in_thread(lambda: subprocess.run(probe, capture_output=True, text=True, check=False))
    assert f"in use by another fastgate (pid {os.getpid()})" in refused.stderr
    lock.close()
