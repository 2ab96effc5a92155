"""The lock of a data directory, against real processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fastgate.supervisor import lock as lock_module
from fastgate.supervisor.errors import StartError
from fastgate.supervisor.lock import Lock

# Takes the lock as process `argv[2]` says, and holds it until its standard input ends.
_HOLDER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(fd, fcntl.LOCK_EX)
os.pwrite(fd, sys.argv[2].encode(), 0)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_elsewhere(path: Path, pid: int | None) -> Iterator[subprocess.Popen[str]]:
    """`pid`: who the file says holds it; None: the holder itself."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path), str(os.getpid() if pid is None else pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.communicate()


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_second_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with (
        held_elsewhere(tmp_path / "lock", None),
        pytest.raises(StartError, match=rf"in use by another fastgate \(pid {os.getpid()}\)") as refused,
    ):
        Lock(tmp_path / "lock")
    assert "\n" not in str(refused.value)


def test_is_free_after_close(tmp_path: Path) -> None:
    Lock(tmp_path / "lock").close()
    lock = Lock(tmp_path / "lock")
    assert (tmp_path / "lock").read_text() == str(os.getpid())
    lock.close()


def test_waits_for_orphans_of_a_killed_one(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path / "lock", dead_pid()) as orphan:
        assert orphan.stdin is not None
        orphan.stdin.close()  # it ends now, or a moment later
        Lock(tmp_path / "lock").close()
        orphan.stdin = None


def test_orphans_that_do_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "ORPHANS_WAIT_S", 0.1)
    with (
        held_elsewhere(tmp_path / "lock", dead_pid()),
        pytest.raises(StartError, match="in use by workers of a dead fastgate"),
    ):
        Lock(tmp_path / "lock")
