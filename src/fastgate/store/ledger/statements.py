"""Statements for many rows: compiled once, and given to the driver with plain tuples.

SQLAlchemy would make parameters of a dict for each row, which takes longer than the database does.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Insert, Table
from sqlalchemy.sql.compiler import SQLCompiler

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


class ManyRows:
    """A statement whose parameters are the columns `names`, in this order."""

    def __init__(self, connection: Connection, statement: Insert, names: Sequence[str]) -> None:
        compiled = statement.compile(dialect=connection.dialect, column_keys=list(names))
        assert isinstance(compiled, SQLCompiler)
        assert compiled.positiontup == list(names), compiled.positiontup
        self._sql = str(compiled)

    def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            connection.exec_driver_sql(self._sql, list(rows))


def adding(connection: Connection, table: Table, names: Sequence[str]) -> Insert:
    """Insert a row, or add its `names` to the row that has its primary key."""
    statement = _insert(connection, table)
    sums = {name: table.c[name] + statement.excluded[name] for name in names}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=sums)


def replacing(connection: Connection, table: Table, names: Sequence[str]) -> Insert:
    """Insert a row, or set `names` in the row that has its primary key."""
    statement = _insert(connection, table)
    values = {name: statement.excluded[name] for name in names}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=values)


def keeping(connection: Connection, table: Table) -> Insert:
    """Insert a row, or leave the row as it is that has its primary key."""
    return _insert(connection, table).on_conflict_do_nothing()


def _insert(connection: Connection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """Only the dialect in use is imported: each takes megabytes."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert

        return insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
