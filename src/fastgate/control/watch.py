"""Notices that the configuration file has changed, however it was changed.

Polling what the path leads to sees an editor's rename, a rewrite in place, and the symbolic link that
Kubernetes swaps, on every file system; events would miss some of these on some of them.
"""

import os
from pathlib import Path

POLL_S = 1.0

Stamp = tuple[int, int, int, int]
"""Which file it was, and in which state: device, inode, time of the last change in nanoseconds, size."""


def stamp(path: Path) -> Stamp | None:
    """None where there is no such file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


class FileWatcher:
    """`poll` says once for each change that the file is another, and only when it has come to rest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.handled()

    def handled(self, read: Stamp | None = None) -> None:
        """The file was read as `read`, or is about to be read as it is now: only what comes after that is a
        change."""
        self._handled = self._last = read or stamp(self._path)

    def poll(self) -> bool:
        """True where the file differs from the one last handled, and does not change at the moment.

        A file that has gone is not a change: it is about to be replaced, or a mistake.
        """
        found = stamp(self._path)
        at_rest = found == self._last
        self._last = found
        if found is None or found == self._handled or not at_rest:
            return False
        self._handled = found
        return True
