"""A copy of a SQLite ledger before its schema changes: `fastgate.db.before-REVISION`, the way back."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from fastgate.store.ledger.errors import LedgerUnavailable

_SPARE_BYTES: Final = 64 * 1024 * 1024
"""Left free beside the copy: the migration writes too."""


def back_up(connection: Connection, revision: str) -> Path:
    """Copy the database of `connection`, whose transaction has written nothing, beside itself, and sync that.

    The copy is named after the revision that is to come. One of that name is of an upgrade that was undone,
    or did not succeed: it is replaced. LedgerUnavailable: there is no room, or no permission.
    """
    database = Path(connection.engine.url.database or "")
    copy = database.with_name(f"{database.name}.before-{revision}")
    partial = copy.with_name(f"{copy.name}.partial")
    try:
        _check_room(database)
        _copy(database, partial)
        partial.replace(copy)
        _sync(copy.parent, os.O_RDONLY | os.O_DIRECTORY)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise LedgerUnavailable(
            f"it is not upgraded to {revision}, as it cannot be copied to {copy.name} first: {error}"
        ) from None
    return copy


def _check_room(database: Path) -> None:
    """OSError where the file system is too full for a copy and the migration."""
    wal = database.with_name(f"{database.name}-wal")
    needed = database.stat().st_size + (wal.stat().st_size if wal.exists() else 0) + _SPARE_BYTES
    free = shutil.disk_usage(database.parent).free
    if free < needed:
        raise OSError(f"it takes {needed} bytes, and {free} are free")


def _copy(database: Path, partial: Path) -> None:
    # SQLite would give a file that it makes the umask's mode.
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    # Read by a connection of its own: the writer's transaction keeps everybody else from changing anything.
    with (
        closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(partial)) as target,
    ):
        source.backup(target)
    _sync(partial, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
