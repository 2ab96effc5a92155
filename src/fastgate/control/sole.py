"""One control process to a data directory: two would both write the ledger, the snapshot and the accounts.

The supervisors see to that among themselves. But the control process of one that was killed goes on for a
moment, and a successor, or the gateway that was to be succeeded, may start its own meanwhile: that one waits.
"""

import asyncio
import fcntl
import os
from pathlib import Path
from typing import Final

WAIT_S: Final = 10.0
"""More than a control process takes for its end."""
_LOOK_S: Final = 0.02


class Sole:
    """Being the only one: from `take` to the end of the process, however that comes.

    A record lock, so that no child inherits it. No other descriptor of the file is ever opened here.
    """

    def __init__(self, path: Path) -> None:
        """OSError."""
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    async def take(self) -> None:
        """TimeoutError: another one does not end."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not self._try():  # noqa: ASYNC110 (the kernel tells nobody that a lock is free)
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise TimeoutError(f"{self._path} is held by another control process") from None

    def _try(self) -> bool:
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX lets lockf say either
            return False
        return True
