"""An upgrade of the schema, and the way back: a release to come stands in as one more migration."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from fastgate.store.ledger import backup, migrate
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerOutdated, LedgerUnavailable, LedgerUnusable
from fastgate.store.ledger.revision import HEAD, OLDER

_NEXT = """
from alembic import op

revision = "r9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("{statement}")
"""
_GOOD = "ALTER TABLE prices ADD COLUMN added INTEGER NOT NULL DEFAULT 0"


@contextmanager
def next_release(directory: Path, statement: str = _GOOD) -> Iterator[None]:
    migrations = directory / "next-migrations"
    shutil.copytree(Path(migrate.__file__).with_name("migrations"), migrations, dirs_exist_ok=True)
    (migrations / "versions" / "r9999_next.py").write_text(_NEXT.format(before=HEAD, statement=statement))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "OLDER", OLDER | {HEAD})
        patch.setattr(migrate, "HEAD", "r9999")
        patch.setattr(migrate, "_MIGRATIONS", migrations)
        yield


def add(database: LedgerDatabase, price: str) -> None:
    with database.writing() as connection:
        connection.execute(
            text(f"INSERT INTO prices (id, definition, first_seen_ns) VALUES ('{price}', '{{}}', 1)")
        )


def prices(database: LedgerDatabase) -> list[str]:
    with database.reading() as connection:
        return list(connection.scalars(text("SELECT id FROM prices ORDER BY id")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger of this release, with one price."""
    database = LedgerDatabase.open(None, tmp_path)
    add(database, "before")
    database.close()
    return tmp_path / "fastgate.db"


def copy_of(path: Path) -> Path:
    return path.with_name("fastgate.db.before-r9999")


def restore(path: Path) -> None:
    """As docs/upgrade.md says it."""
    for name in ("fastgate.db-wal", "fastgate.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    shutil.copy(copy_of(path), path)


def test_upgrade_write_restore(path: Path) -> None:
    with next_release(path.parent):
        with pytest.raises(LedgerOutdated):
            LedgerDatabase.open(None, path.parent, upgrade=False)
        assert not copy_of(path).exists()
        upgraded = LedgerDatabase.open(None, path.parent)
        add(upgraded, "since")
        assert prices(upgraded) == ["before", "since"]
        upgraded.close()
    assert copy_of(path).stat().st_mode & 0o777 == 0o600

    with pytest.raises(LedgerUnusable, match="schema is r9999, which this version of fastgate does not know"):
        LedgerDatabase.open(None, path.parent)
    restore(path)
    again = LedgerDatabase.open(None, path.parent)
    assert prices(again) == ["before"]
    add(again, "after")
    again.close()

    with next_release(path.parent):
        LedgerDatabase.open(None, path.parent).close()
    restore(path)
    last = LedgerDatabase.open(None, path.parent)
    assert prices(last) == ["after", "before"], "the copy is of the last upgrade"
    last.close()


def test_what_only_the_write_ahead_log_has_is_copied(tmp_path: Path) -> None:
    database = LedgerDatabase.open(None, tmp_path)
    add(database, "before")
    path = tmp_path / "fastgate.db"
    assert path.with_name("fastgate.db-wal").stat().st_size
    with next_release(tmp_path):
        LedgerDatabase.open(None, tmp_path).close()
    database.close()
    restore(path)
    restored = LedgerDatabase.open(None, tmp_path)
    assert prices(restored) == ["before"]
    restored.close()


def test_no_copy_no_migration(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "_SPARE_BYTES", 1 << 62)  # more than any disk has
    reason = "not upgraded to r9999, as it cannot be copied to fastgate.db.before-r9999 first: it takes"
    with next_release(path.parent), pytest.raises(LedgerUnavailable, match=reason):
        LedgerDatabase.open(None, path.parent)
    assert not list(path.parent.glob("*.before-*"))
    database = LedgerDatabase.open(None, path.parent)
    assert prices(database) == ["before"]
    database.close()


def test_a_copy_that_cannot_be_written(path: Path) -> None:
    copy_of(path).mkdir()
    with next_release(path.parent), pytest.raises(LedgerUnavailable, match="cannot be copied"):
        LedgerDatabase.open(None, path.parent)
    assert not list(path.parent.glob("*.partial"))
    LedgerDatabase.open(None, path.parent).close()


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    with next_release(path.parent, "ALTER TABLE nothing RENAME TO something"), pytest.raises(LedgerUnusable):
        LedgerDatabase.open(None, path.parent)
    assert copy_of(path).exists()
    database = LedgerDatabase.open(None, path.parent)
    assert prices(database) == ["before"]
    database.close()


def test_a_new_ledger_needs_no_copy(tmp_path: Path) -> None:
    LedgerDatabase.open(None, tmp_path).close()
    assert not list(tmp_path.glob("*.before-*"))
