from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url, text

from fastgate.domain.usage import COUNTS
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerUnusable
from fastgate.store.ledger.schema import METADATA, USAGE_COUNTS


def test_migrations_lead_to_the_schema(ledger: LedgerDatabase) -> None:
    with ledger.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_every_count_of_usage_has_a_column() -> None:
    assert USAGE_COUNTS == COUNTS


def test_opening_again_changes_nothing(ledger: LedgerDatabase, url: str, tmp_path: Path) -> None:
    with ledger.writing() as connection:
        connection.execute(text("INSERT INTO prices VALUES ('p', '[]', 1)"))
    ledger.close()
    again = LedgerDatabase.open(url, tmp_path)
    with again.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM prices")) == 1
    again.close()


@pytest.mark.parametrize("opened", [LedgerDatabase.open, LedgerDatabase.open_reader])
def test_a_newer_schema_is_refused(
    ledger: LedgerDatabase, url: str, tmp_path: Path, opened: Callable[[str, Path], LedgerDatabase]
) -> None:
    with ledger.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    ledger.close()
    with pytest.raises(LedgerUnusable, match="schema is r9999, which this version of fastgate does not know"):
        opened(url, tmp_path)


def test_a_reader_brings_no_schema(url: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerUnusable, match="there is no ledger yet"):
        LedgerDatabase.open_reader(url, tmp_path)
    assert not (tmp_path / "ledger.db").exists()


def test_a_migration_that_fails_leaves_nothing(ledger: LedgerDatabase, url: str, tmp_path: Path) -> None:
    with ledger.writing() as connection:
        METADATA.drop_all(connection)
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("CREATE TABLE archives (x INTEGER)"))  # the last one that is made
    ledger.close()
    with pytest.raises(LedgerUnusable, match="archives"):
        LedgerDatabase.open(url, tmp_path)
    engine = create_engine(
        make_url(url).set(drivername="sqlite" if "sqlite" in url else "postgresql+psycopg")
    )
    assert sorted(inspect(engine).get_table_names()) == ["alembic_version", "archives"]
    engine.dispose()


def made(url: str, tmp_path: Path, *, upgrade: bool) -> list[object]:
    """The schema of a ledger that was not there before, as the database describes it."""
    ledger = LedgerDatabase.open(url, tmp_path, upgrade=upgrade)
    with ledger.writing() as connection:
        looked_at = inspect(connection)
        found: list[object] = [connection.execute(text("SELECT * FROM alembic_version")).all()]
        for table in sorted(looked_at.get_table_names()):
            found += [
                table,
                [{**column, "type": str(column["type"])} for column in looked_at.get_columns(table)],
                looked_at.get_pk_constraint(table),
                sorted(looked_at.get_indexes(table), key=str),
                sorted(looked_at.get_unique_constraints(table), key=str),
            ]
        METADATA.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    ledger.close()
    return found


def test_a_new_ledger_is_what_the_migrations_lead_to(url: str, tmp_path: Path) -> None:
    assert made(url, tmp_path, upgrade=False) == made(url, tmp_path, upgrade=True)
