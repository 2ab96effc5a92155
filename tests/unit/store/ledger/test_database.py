import stat
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.support.ledger_entries import drained, ledger_entry
from tests.support.postgres import PASSWORD, PostgresServer

from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerError, LedgerInUse, LedgerUnavailable, LedgerUnusable
from fastgate.store.ledger.read import positions, rows
from fastgate.store.ledger.write import LedgerAppender


def test_by_default_sqlite_in_the_data_directory_for_the_owner_only(tmp_path: Path) -> None:
    database = LedgerDatabase.open(None, tmp_path)
    with database.writing() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"fastgate.db": 0o600, "fastgate.db-wal": 0o600, "fastgate.db-shm": 0o600}
    database.close()


def test_a_reader_reads_beside_the_writer_and_cannot_write(
    ledger: LedgerDatabase, url: str, tmp_path: Path
) -> None:
    reader = LedgerDatabase.open_reader(url, tmp_path)
    LedgerAppender(ledger).append([drained(ledger_entry(1))])
    assert len(list(rows(reader))) == 1
    with pytest.raises(LedgerUnusable, match="for reading only"), reader.writing():
        pass
    reader.close()


def test_a_second_gateway_on_one_postgresql_database_is_refused(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastgate.store.ledger.database._LOCK_WAIT_S", 1)
    url = postgres.create_database()
    first = LedgerDatabase.open(url, tmp_path)
    with pytest.raises(LedgerInUse, match="another gateway writes to this ledger"):
        LedgerDatabase.open(url, tmp_path)
    first.close()
    LedgerDatabase.open(url, tmp_path).close()


def test_a_server_that_is_restarted_loses_nothing(postgres: PostgresServer, tmp_path: Path) -> None:
    database = LedgerDatabase.open(postgres.create_database(), tmp_path)
    appender = LedgerAppender(database)
    appender.append([drained(ledger_entry(1))])
    postgres.stop()
    with pytest.raises(LedgerUnavailable):
        appender.append([drained(ledger_entry(2), after=1)])
    postgres.start()
    appender.append([drained(ledger_entry(2), after=1)])
    assert [row[0] for row in rows(database)] == [1, 2]
    database.close()


def test_a_full_disk_stores_nothing_and_passes(tmp_path: Path) -> None:
    """SQLite is told that there are no more pages, which is what it says of a disk without room."""
    database = LedgerDatabase.open(None, tmp_path)
    appender = LedgerAppender(database)
    entries = [ledger_entry(number) for number in range(1, 200)]
    with database.writing() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(LedgerUnavailable, match=r"fastgate\.db: database or disk is full"):
        appender.append([drained(*entries)])
    assert not positions(database)
    assert not list(rows(database))
    with database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert appender.append([drained(*entries)]).entries == 199
    database.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "fastgate.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerUnusable, match="file is not a database"):
        LedgerDatabase.open(None, tmp_path)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="No such file or directory"):
        LedgerDatabase.open(f"sqlite:///{tmp_path}/none/ledger.db", tmp_path)


@pytest.mark.parametrize("opened", [LedgerDatabase.open, LedgerDatabase.open_reader])
def test_no_message_has_the_password(
    postgres: PostgresServer, tmp_path: Path, opened: Callable[[str, Path], LedgerDatabase]
) -> None:
    wrong = "wr0ng-and-secret"
    urls = {
        postgres.url("postgres", password=wrong): "password authentication failed",
        postgres.url("none_of_this_name"): "does not exist",
        f"postgresql://u:{wrong}@127.0.0.1:1/x": "refused",
        f"postgresql://127.0.0.1:1/x?password={wrong}&user=u": "refused",
        f"postgresql://u:{wrong}@127.0.0.1:port/x": "is not one",
        f"postgresql://u:{wrong}@127.0.0.1:1/x?{wrong}=1": "invalid",
        f"mysql://u:{wrong}@127.0.0.1/x": "cannot be kept in mysql",
        f"://u:{wrong}@127.0.0.1/x": "is not one",
        "sqlite://": "cannot be kept in sqlite",
    }
    for url, reason in urls.items():
        with pytest.raises(LedgerError, match=reason) as caught:
            opened(url, tmp_path)
        said = "".join(traceback.format_exception(caught.value))  # with what it was caused by, if that shows
        assert wrong not in said, url
        assert PASSWORD not in said, url
