"""One gateway to a data directory.

Two locks on one file. The first, of the process (`lockf`), is held by the supervisor alone. The second,
of the open file (`flock`), is inherited by the children: it is free only when the last process that
writes to the directory is gone, also when the supervisor was killed before its workers. A successor is given
the open file, and so the second lock; the first one it takes when the predecessor gives it up.
"""

import asyncio
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from fastgate import clock
from fastgate.launch import ENDING_S, ORPHAN_DRAIN_S
from fastgate.supervisor.errors import StartError

# Orphans end within their own limit, unless one hangs; some time goes by until they notice.
ORPHANS_WAIT_S = ORPHAN_DRAIN_S + ENDING_S + 2.0
_RETRY_S = 0.05


class Lock:
    """Held from construction to `close`, and beyond that by each child that inherited `fd`."""

    def __init__(self, path: Path) -> None:
        """StartError where another gateway holds it. Waits for what a killed one left running."""
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._acquire(path.parent)
            self._sign()
        except BaseException:
            os.close(self.fd)
            raise

    @classmethod
    def shared(cls, fd: int) -> Self:
        """The predecessor's, as it was handed over: `take_over` is still to come."""
        self = cls.__new__(cls)
        self.fd = fd
        return self

    async def take_over(self) -> None:
        """Wait until the predecessor has given it up, or is dead."""
        while not self._try(fcntl.lockf):  # noqa: ASYNC110 (the kernel tells nobody that a lock is free)
            await asyncio.sleep(_RETRY_S)
        self._sign()

    def give_up(self) -> None:
        """To the successor. The processes that write to the directory keep it closed to others."""
        fcntl.lockf(self.fd, fcntl.LOCK_UN)

    def _acquire(self, data_dir: Path) -> None:
        if not self._try(fcntl.lockf):
            raise StartError(
                f"the data directory {data_dir} is in use by another fastgate (pid {self._owner()}): "
                f"stop that one, or choose another data_dir"
            )
        deadline_ns = clock.monotonic_ns() + int(ORPHANS_WAIT_S * 1e9)
        while not self._try(fcntl.flock):
            if clock.monotonic_ns() > deadline_ns:
                raise StartError(
                    f"the data directory {data_dir} is in use by workers of a dead fastgate "
                    f"(pid {self._owner()})"
                )
            time.sleep(_RETRY_S)

    def _try(self, lock: Callable[[int, int], None]) -> bool:
        try:
            lock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX lets lockf say either
            return False
        return True

    def _sign(self) -> None:
        pid = str(os.getpid()).encode()
        os.pwrite(self.fd, pid, 0)  # over the one before, which takes no room on a disk that is full
        os.ftruncate(self.fd, len(pid))

    def _owner(self) -> str:
        return os.pread(self.fd, 32, 0).decode(errors="replace")

    def close(self) -> None:
        os.close(self.fd)
