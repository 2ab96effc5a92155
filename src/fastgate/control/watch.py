"""Notices that the configuration file has changed, however it was changed.

Polling what the path leads to sees an editor's rename, a rewrite in place, and the symbolic link that
Kubernetes swaps, on every file system; events would miss some of these on some of them.
"""

import os
from pathlib import Path

POLL_S = 1.0

_Mark = tuple[int, int, int, int] | None


class FileWatcher:
    """`poll` says once for each change that the file is another, and only when it has come to rest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.handled()

    def handled(self) -> None:
        """The file is about to be read as it is now: only what comes after this is a change."""
        self._handled = self._last = self._mark()

    def poll(self) -> bool:
        """True where the file differs from the one last handled, and does not change at the moment.

        A file that has gone is not a change: it is about to be replaced, or a mistake.
        """
        mark = self._mark()
        at_rest = mark == self._last
        self._last = mark
        if mark is None or mark == self._handled or not at_rest:
            return False
        self._handled = mark
        return True

    def _mark(self) -> _Mark:
        try:
            found = os.stat(self._path)
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
