"""Where each shared file of a gateway lies (ARCHITECTURE.md). Every file is readable by the owner only."""

import os
import re
from pathlib import Path
from typing import Final

# sockaddr_un of Linux has room for 108 bytes, the last of which is zero.
MAX_SOCKET_PATH: Final = 107

_OURS: Final = ("lock", "layout", "snapshot", "keys")

# What an atomic replacement leaves when its process is killed in between.
_LEFTOVERS: Final = (
    re.compile(r"(snapshot|prices\.json|fullest|layout)\.\d+\.tmp"),
    re.compile(r"(?:counters|accounts)\.[0-9a-f]{16}"),
    re.compile(r"metrics/[^/]+\.metrics\.[0-9a-f]{16}"),
)


class DataDir:
    """The directory of the shared files of one gateway."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def create(self) -> list[str]:
        """Make the directory, with mode 0700, or look at the one that is there, which is left as it is.

        Returns what is odd about that one. ValueError where it cannot be a data directory, OSError where
        it is not ours to write.
        """
        if self.path == Path(self.path.anchor):
            raise ValueError("the root directory is no place for the gateway's files")
        if (length := len(os.fsencode(self.control_socket))) > MAX_SOCKET_PATH:
            raise ValueError(
                f"the path of {self.control_socket.name} in it has {length} bytes, and that of a Unix "
                f"socket may have {MAX_SOCKET_PATH}: choose a shorter one"
            )
        try:
            self.path.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            return self._looked_at()
        return []

    def _looked_at(self) -> list[str]:
        names = os.listdir(self.path)
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(f"{self.path} cannot be written by the user {os.geteuid()}")
        warnings = []
        mode = self.path.stat().st_mode & 0o777
        if mode & 0o007:
            warnings.append(f"{self.path} has mode {mode:04o}: other users can reach it; 0700 is best")
        if names and not any((self.path / name).exists() for name in _OURS):
            warnings.append(
                f"{self.path} has files that are not the gateway's; give it a directory of its own"
            )
        return warnings

    def remove_leftovers(self) -> None:
        """Of processes that were killed while they wrote. To be called under the lock, before any other."""
        for path in (*self.path.iterdir(), *(self.path / "metrics").glob("*")):
            name = path.relative_to(self.path).as_posix()
            if any(pattern.fullmatch(name) for pattern in _LEFTOVERS):
                path.unlink()

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def layout(self) -> Path:
        return self.path / "layout"

    @property
    def counters(self) -> Path:
        return self.path / "counters"

    @property
    def fullest(self) -> Path:
        return self.path / "fullest"

    @property
    def journal(self) -> Path:
        return self.path / "journal"

    @property
    def accounts(self) -> Path:
        return self.path / "accounts"

    @property
    def snapshot(self) -> Path:
        return self.path / "snapshot"

    @property
    def prices(self) -> Path:
        """Price data that was installed after the package's; the one before it is `previous_prices`."""
        return self.path / "prices.json"

    @property
    def previous_prices(self) -> Path:
        return self.path / "prices.previous.json"

    @property
    def responses(self) -> Path:
        return self.path / "responses"

    @property
    def conversations(self) -> Path:
        return self.path / "conversations"

    @property
    def control_socket(self) -> Path:
        return self.path / "control.sock"

    @property
    def control_lock(self) -> Path:
        return self.path / "control.lock"

    @property
    def upgrade_socket(self) -> Path:
        """As long as the path of the other socket, so what is checked there holds here."""
        return self.path / "upgrade.sock"
