"""Appends entries to the ledger: exactly once, in hashed batches, with the positions they were read up to."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, insert

from fastgate import clock
from fastgate.domain.entry import Entry
from fastgate.store.ledger.canonical import GENESIS, batch_hash
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.read import find_ids, last_batch_of
from fastgate.store.ledger.rollup import Rollups
from fastgate.store.ledger.rows import COLUMNS, Row, row_of
from fastgate.store.ledger.schema import BATCHES, ENTRIES, WRITERS
from fastgate.store.ledger.statements import ManyRows, replacing

_POSITION: Final = ("sequence", "segment", "offset", "closed")


class Record(NamedTuple):
    """An entry, and its number in the journal of its writer."""

    sequence: int
    entry: Entry


class WriterPosition(NamedTuple):
    """How far the journal of `writer` has been read: `sequence` is the last record, `offset` the byte behind
    it in the segment. `closed`: there is nothing more to come."""

    writer: str
    sequence: int
    segment: int
    offset: int
    closed: bool


class Drained(NamedTuple):
    """What was read from one journal, and up to where."""

    position: WriterPosition
    records: Sequence[Record]


class Appended(NamedTuple):
    """`skipped` were in the ledger already."""

    entries: int
    skipped: int


class LedgerAppender:
    """The one that writes entries. Call it from one thread at a time, with some thousand records each."""

    def __init__(self, database: LedgerDatabase) -> None:
        self._database = database
        with database.writing() as connection:
            self._insert = ManyRows(connection, insert(ENTRIES), COLUMNS)
            self._place = ManyRows(
                connection, replacing(connection, WRITERS, _POSITION), ("writer", *_POSITION, "archived")
            )
            self._rollups = Rollups(connection)

    def append(self, drained: Sequence[Drained]) -> Appended:
        """All of it in one transaction, or nothing. An entry whose id is there already is skipped.

        ValueError: an entry that cannot be. LedgerUnavailable: the same may be tried again. LedgerUnusable.
        """
        with self._database.writing() as connection:
            records = [(part.position.writer, record) for part in drained for record in part.records]
            rows = self._append_batch(connection, records) if records else []
            groups = self._rollups.add(connection, rows)
            self._place.run(connection, [_position_row(part.position) for part in drained])
        self._rollups.committed(groups)
        return Appended(len(rows), len(records) - len(rows))

    def _append_batch(self, connection: Connection, records: Sequence[tuple[str, Record]]) -> list[Row]:
        number, batch, previous = 1, 1, GENESIS
        if (last := last_batch_of(connection)) is not None:
            number, batch, previous = last.last_entry + 1, last.number + 1, last.hash
        seen = find_ids(connection, [record.entry.closing.id for _writer, record in records])
        rows: list[Row] = []
        for writer, (sequence, entry) in records:
            if entry.closing.id not in seen:
                seen.add(entry.closing.id)
                rows.append(row_of(number + len(rows), batch, writer, sequence, entry))
        if rows:
            written_ns = clock.time_ns()
            connection.execute(
                insert(BATCHES).values(
                    number=batch,
                    previous_hash=previous,
                    hash=batch_hash(previous, batch, written_ns, rows),
                    first_entry=number,
                    last_entry=number + len(rows) - 1,
                    written_ns=written_ns,
                )
            )
            self._insert.run(connection, rows)
        return rows


def _position_row(position: WriterPosition) -> tuple[str | int, ...]:
    archived = 0  # of a new writer; a known one keeps what it has
    return (
        position.writer,
        position.sequence,
        position.segment,
        position.offset,
        int(position.closed),
        archived,
    )
