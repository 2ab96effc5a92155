"""The journals on disk: a directory for each life of a worker, with a lock that tells whether it goes on.

    journal/<writer>/lock     locked (fcntl) as long as the worker lives
                     holds    the holds of its calls (`_core.holds`)
                     *.seg    what it has appended (`_core.journal`)

A record lock belongs to the process and not to the file descriptor: a child does not inherit it, and it is
dropped when the process closes any descriptor of the file. So a process has one JournalDir, which never opens
a lock file that it holds.
"""

import contextlib
import fcntl
import os
import re
from pathlib import Path
from typing import Final

from fastgate._core.journal import segment_numbers, segment_path

_WRITER: Final = re.compile(r"[0-9a-f]{16}")


class WriterDir:
    """The directory of a writer whose lock this process holds, until `close` or its own end."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock

    @property
    def writer(self) -> str:
        return self.path.name

    @property
    def holds(self) -> Path:
        return self.path / "holds"

    @property
    def closed(self) -> bool:
        return self._lock < 0

    def close(self) -> None:
        """Give the lock up: from now on the writer counts as dead. Idempotent."""
        if not self.closed:
            os.close(self._lock)
            self._lock = -1


class JournalDir:
    """All writers of a gateway. One a process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: dict[str, WriterDir] = {}

    def create(self) -> WriterDir:
        """The directory of a new life, on the disk and locked before anybody can see it. OSError."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        writer = os.urandom(8).hex()
        unseen = self.path / f".{writer}"
        unseen.mkdir(mode=0o700)
        lock = _try_lock(unseen)
        assert lock is not None
        try:
            unseen.rename(self.path / writer)
            # So that syncing a segment is enough for it to be found again.
            _sync_directory(self.path)
            _sync_directory(self.path.parent)
        except BaseException:
            os.close(lock)
            raise
        return self._hold(writer, lock)

    def writers(self) -> list[str]:
        """Those living and those dead, sorted. OSError."""
        try:
            return sorted(filter(_WRITER.fullmatch, os.listdir(self.path)))
        except FileNotFoundError:  # no worker has ever started
            return []

    def alive(self, writer: str) -> bool:
        """Whether a process holds the writer's lock. FileNotFoundError: it has been removed. OSError."""
        if self._holds(writer):
            return True
        lock = _try_lock(self.path / writer)
        if lock is not None:
            os.close(lock)
        return lock is None

    def claim(self, writer: str) -> WriterDir | None:
        """The directory of a dead writer, now locked by this process; None if the writer lives.

        Once dead, a writer stays so. FileNotFoundError: it has been removed. OSError.
        """
        if self._holds(writer):
            return None
        lock = _try_lock(self.path / writer)
        return None if lock is None else self._hold(writer, lock)

    def bytes_of(self, writer: str) -> int:
        """What the writer's segments take on the disk, the spare one too; 0 if it has been removed."""
        return sum(map(_size, (self.path / writer).glob("*.seg")))

    def total_bytes(self) -> int:
        """What the segments of all writers take."""
        return sum(map(self.bytes_of, self.writers()))

    def remove_segments(self, writer: str, before: int) -> int:
        """Delete the segments below number `before`, all of which the ledger has, and say how many.

        Also of a living writer. OSError.
        """
        directory = str(self.path / writer)
        drained = [number for number in segment_numbers(directory) if number < before]
        # The oldest first: whatever happens, what is left has no hole.
        for number in drained:
            os.unlink(segment_path(directory, number))
        return len(drained)

    def remove(self, claimed: WriterDir) -> None:
        """Delete a dead writer, all of which the ledger has. ValueError: it is not claimed. OSError."""
        if self._held.get(claimed.writer) is not claimed or claimed.closed:
            raise ValueError(f"the writer {claimed.writer} is not claimed")
        unseen = self.path / f".{claimed.writer}"
        claimed.path.rename(unseen)
        _remove_flat(unseen)
        del self._held[claimed.writer]
        claimed.close()

    def remove_leftovers(self) -> None:
        """Of processes that were killed while they created or removed a writer.

        To be called under the lock of the data directory, before any process that creates one. OSError.
        """
        for unseen in self.path.glob(".*"):
            if _WRITER.fullmatch(unseen.name[1:]):
                _remove_flat(unseen)

    def _hold(self, writer: str, lock: int) -> WriterDir:
        self._held[writer] = WriterDir(self.path / writer, lock)
        return self._held[writer]

    def _holds(self, writer: str) -> bool:
        held = self._held.get(writer)
        return held is not None and not held.closed


def _try_lock(directory: Path) -> int | None:
    """The locked descriptor; None where another process holds the lock."""
    # Created where it is missing: a power cut may have lost it, and then nobody lives there.
    fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # POSIX lets lockf say either
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


def _size(path: Path) -> int:
    with contextlib.suppress(FileNotFoundError):  # drained and removed in between
        return path.stat().st_size
    return 0


def _remove_flat(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
