"""Where each shared file of a gateway lies (DESIGN part 2). Everything is readable by the owner only."""

import os
from pathlib import Path


class DataDir:
    """The directory of the shared files of one gateway."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def create(self) -> None:
        """Make the directory, with mode 0700. Raises OSError where that cannot be."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.chmod(self.path, 0o700)

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def counters(self) -> Path:
        return self.path / "counters"

    @property
    def snapshot(self) -> Path:
        return self.path / "snapshot"

    @property
    def control_socket(self) -> Path:
        return self.path / "control.sock"
