"""Where the gateway is that a command is about, and what it is configured to be."""

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fastgate.cli.errors import CommandError

if TYPE_CHECKING:
    from fastgate.config.settings import Settings


def load_settings(config: Path | None) -> "Settings":
    """The configuration, checked whole. Raises ConfigError."""
    from fastgate.config.load import load

    return load(config, os.environ)


def find_data_dir(config: Path | None, data_dir: Path | None) -> Path:
    """The directory of the gateway's files: as given, or as the configuration says.

    Looks at that one setting only: a key must be revocable from a terminal that lacks the gateway's
    secrets, and while somebody edits the file. Raises ConfigError or CommandError.
    """
    if data_dir is not None:
        return usable(data_dir)
    from fastgate.cli.written import Unreadable, Written
    from fastgate.config.settings import Settings

    try:
        written = Written.read(config)
    except Unreadable as error:
        raise _unclear(str(error)) from None
    directory = written.find("data_dir")
    if directory is None:
        return usable(Path(Settings().data_dir))
    if not isinstance(directory, str):
        raise _unclear(written.source)
    return usable(Path(directory))


def usable(data_dir: Path) -> Path:
    """`data_dir`. Raises CommandError where a newer version of fastgate wrote it."""
    from fastgate.store import layout
    from fastgate.store.data_dir import DataDir

    try:
        layout.check(DataDir(data_dir))
    except layout.LayoutError as error:
        raise CommandError(str(error)) from None
    return data_dir


def _unclear(source: str) -> CommandError:
    return CommandError(f"{source} does not say where the gateway's files are: give --data-dir")


def in_use(data_dir: Path) -> bool:
    """Whether processes of a gateway hold the lock of the directory."""
    from fastgate.store.data_dir import DataDir

    try:
        with open(DataDir(data_dir).lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
