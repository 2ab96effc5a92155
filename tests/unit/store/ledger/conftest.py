"""Each test of the ledger runs on both databases that it can be kept in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.postgres import PostgresServer, find_binaries

from fastgate.store.ledger.database import LedgerDatabase


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL here: neither pg_config, /usr/lib/postgresql nor PATH leads to initdb")
    with PostgresServer(binaries) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a ledger that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture
def ledger(url: str, tmp_path: Path) -> Iterator[LedgerDatabase]:
    """Open for writing."""
    database = LedgerDatabase.open(url, tmp_path)
    yield database
    database.close()
