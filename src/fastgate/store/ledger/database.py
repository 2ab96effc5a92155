"""Opens the ledger's database: SQLite in the data directory, or PostgreSQL by URL.

Everything here waits for a disk or a server: call it in a thread.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from fastgate.store.ledger import migrate
from fastgate.store.ledger.errors import (
    LedgerConflict,
    LedgerError,
    LedgerInUse,
    LedgerUnavailable,
    LedgerUnusable,
)

DEFAULT_FILE: Final = "fastgate.db"

_LOCK: Final = int.from_bytes(b"fastgate")  # of PostgreSQL: one writer a database
_LOCK_WAIT_S: Final = 5
_LOCK_NOT_AVAILABLE: Final = "55P03"
_WAIT_S: Final = 5  # a reload waits for it too

_PASSING_IN_SQLITE: Final = frozenset(
    (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    )
)

# A server that is gone without a word is noticed within a minute.
_POSTGRESQL_ARGS: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "application_name": "fastgate",
}


class LedgerDatabase:
    """The connections to one ledger. Threads may share it; a process that forks must not.

    All writing goes through one connection. On PostgreSQL its session holds an advisory lock, so that a
    second gateway is refused; SQLite lies in a data directory, which has a lock of its own.
    """

    def __init__(self, url: URL, *, writable: bool) -> None:
        """For `open` and `open_reader`."""
        self.place = _place(url)
        self._secrets = [text for text in (url.password, url.query.get("password")) if text]
        self._readers = _engine(url)
        self._writer = _engine(url, writes=True) if writable else None

    @classmethod
    def open(cls, url: str | None, data_dir: Path, *, upgrade: bool = True) -> Self:
        """As the one writer, and brought to the newest schema. `url` None: SQLite in `data_dir`.

        LedgerUnavailable, LedgerUnusable, LedgerInUse; LedgerOutdated without `upgrade`.
        """
        parsed = _parsed(url, data_dir)
        if parsed.get_backend_name() == "sqlite":
            _create_private(Path(parsed.database or ""))
        database = cls(parsed, writable=True)
        try:
            with database.writing() as connection:
                (migrate.upgrade if upgrade else migrate.require)(connection)
        except LedgerError:
            database.close()
            raise
        return database

    @classmethod
    def open_reader(cls, url: str | None, data_dir: Path) -> Self:
        """To read what is there. LedgerUnavailable; LedgerUnusable: none is there, or of another schema."""
        parsed = _parsed(url, data_dir)
        if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
            raise LedgerUnusable(f"{parsed.database}: {migrate.NO_LEDGER}")
        database = cls(parsed, writable=False)
        try:
            with database.reading() as connection:
                migrate.check(connection)
        except LedgerError:
            database.close()
            raise
        return database

    @property
    def postgresql(self) -> bool:
        return self._readers.dialect.name == "postgresql"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction, committed at the end, undone by any error. Only for who opened it as the writer."""
        if self._writer is None:
            raise LedgerUnusable(f"{self.place} is open for reading only")
        with self._named_errors(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the database."""
        with self._named_errors(), self._readers.begin() as connection:
            yield connection

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except LedgerError as error:
            raise type(error)(f"{self.place}: {error}") from None
        except PoolTimeout:
            raise LedgerUnavailable(f"{self.place}: it is busy for more than {_WAIT_S} s") from None
        except DBAPIError as error:
            raise _translated(error)(f"{self.place}: {self._reason(error)}") from None

    def _reason(self, error: DBAPIError) -> str:
        """What the driver says, without the statement, and without the password, should it repeat it."""
        text = " ".join(str(error.orig).split())
        for secret in self._secrets:
            text = text.replace(str(secret), "***")
        return text

    def close(self) -> None:
        """Idempotent."""
        for engine in (self._readers, self._writer):
            if engine is not None:
                engine.dispose()


def _parsed(url: str | None, data_dir: Path) -> URL:
    if url is None:
        return URL.create("sqlite", database=str(data_dir / DEFAULT_FILE))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # neither is quoted: either may repeat the URL
        raise LedgerUnusable("the ledger's URL is not one: write postgresql://… or sqlite:///…") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return URL.create("sqlite", database=parsed.database)
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise LedgerUnusable(
        f"the ledger cannot be kept in {parsed.drivername}: use postgresql://… or sqlite:///…"
    )


def _place(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return URL.create("postgresql", url.username, None, url.host, url.port, url.database).render_as_string()


def _create_private(path: Path) -> None:
    """SQLite gives its other files the mode of this one."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise LedgerUnavailable(f"{path}: {error.strerror}") from None


def _engine(url: URL, *, writes: bool = False) -> Engine:
    sizes = {"pool_size": 1, "max_overflow": 0} if writes else {}
    try:
        if url.get_backend_name() == "sqlite":
            engine = create_engine(
                url, pool_timeout=_WAIT_S, hide_parameters=True, connect_args={"timeout": _WAIT_S}, **sizes
            )
            _set_up_sqlite(engine, writes)
        else:
            engine = create_engine(
                url,
                isolation_level="READ COMMITTED" if writes else "REPEATABLE READ",
                paramstyle="format",  # so that a statement takes a tuple, as SQLite's do
                pool_timeout=_WAIT_S,
                pool_pre_ping=True,
                hide_parameters=True,
                connect_args=_POSTGRESQL_ARGS,
                **sizes,
            )
            if writes:
                event.listen(engine, "connect", _lock_postgresql)
    except ModuleNotFoundError:
        raise LedgerUnusable("PostgreSQL needs psycopg: install fastgate[postgres]") from None
    return engine


def _set_up_sqlite(engine: Engine, writes: bool) -> None:
    """Begins transactions itself: the driver would begin them late, and commit before it changes a schema.

    synchronous=FULL: a journal's segment is removed once the ledger has it, so what is committed must be on
    the disk. In WAL mode that is one fsync a batch.
    """

    def connected(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    def began(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", began)


def _lock_postgresql(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    """Waits a little: the server may not yet know that the last writer has died."""
    cursor = connection.cursor()
    try:
        cursor.execute(f"SET lock_timeout = '{_LOCK_WAIT_S}s'")
        cursor.execute(f"SELECT pg_advisory_lock({_LOCK})")
        connection.commit()
    except Exception as error:
        connection.close()
        if getattr(error, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise LedgerInUse("another gateway writes to this ledger") from None
        raise


def _translated(error: DBAPIError) -> type[LedgerError]:
    if isinstance(error, IntegrityError):
        return LedgerConflict
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is None:
        passing = isinstance(error, OperationalError | InterfaceError)
    else:
        passing = code & 0xFF in _PASSING_IN_SQLITE
    return LedgerUnavailable if passing else LedgerUnusable
