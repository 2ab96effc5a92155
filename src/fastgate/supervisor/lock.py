"""One gateway to a data directory.

The lock is on the open file, which the children inherit: it is free only when the last process that
writes to the directory is gone, also when the supervisor was killed before its workers.
"""

import fcntl
import os
import time
from pathlib import Path

from fastgate import clock
from fastgate.supervisor.errors import StartError

# Orphaned workers end within their own limit, which is shorter.
ORPHANS_WAIT_S = 10.0
_RETRY_S = 0.05


class Lock:
    """Held from construction to `close`, and beyond that by each child that inherited `fd`."""

    def __init__(self, path: Path) -> None:
        """StartError where another gateway holds it. Waits for what a killed one left running."""
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._acquire(path.parent)
            os.ftruncate(self.fd, 0)
            os.pwrite(self.fd, str(os.getpid()).encode(), 0)
        except BaseException:
            os.close(self.fd)
            raise

    def _acquire(self, data_dir: Path) -> None:
        deadline_ns = clock.monotonic_ns() + int(ORPHANS_WAIT_S * 1e9)
        while not self._try():
            owner = self._owner()
            if owner is not None and _alive(owner):
                raise StartError(
                    f"the data directory {data_dir} is in use by another fastgate (pid {owner}): "
                    f"stop that one, or choose another data_dir"
                )
            if clock.monotonic_ns() > deadline_ns:
                raise StartError(
                    f"the data directory {data_dir} is in use by workers of a dead fastgate (pid {owner})"
                )
            time.sleep(_RETRY_S)

    def _try(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _owner(self) -> int | None:
        text = os.pread(self.fd, 32, 0)
        return int(text) if text.isdigit() else None

    def close(self) -> None:
        os.close(self.fd)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
