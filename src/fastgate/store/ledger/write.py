"""Appends entries to the ledger: exactly once, in hashed batches, with the positions they were read up to."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, insert

from fastgate import clock
from fastgate.domain.entry import Entry
from fastgate.store.ledger.canonical import GENESIS, batch_hash
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerConflict
from fastgate.store.ledger.read import find_ids, last_batch_of
from fastgate.store.ledger.rollup import Rollups
from fastgate.store.ledger.rows import COLUMNS, Row, Rows
from fastgate.store.ledger.schema import BATCHES, ENTRIES, WRITERS
from fastgate.store.ledger.statements import ManyRows, replacing

_POSITION: Final = ("sequence", "segment", "offset", "closed")


class Record(msgspec.Struct, frozen=True, gc=False):
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
        self._rows = Rows()
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
        try:
            return self._append(drained, look=False)
        except LedgerConflict:
            # Nearly all are new, and to look for each beforehand costs as much as to insert it.
            return self._append(drained, look=True)

    def _append(self, drained: Sequence[Drained], *, look: bool) -> Appended:
        with self._database.writing() as connection:
            records = [(part.position.writer, record) for part in drained for record in part.records]
            if look:
                records = _new(connection, records)
            rows = self._append_batch(connection, records) if records else []
            groups = self._rollups.add(connection, rows)
            self._place.run(connection, [_position_row(part.position) for part in drained])
        self._rollups.committed(groups)
        return Appended(len(rows), sum(len(part.records) for part in drained) - len(rows))

    def _append_batch(self, connection: Connection, records: Sequence[tuple[str, Record]]) -> list[Row]:
        number, batch, previous = 1, 1, GENESIS
        if (last := last_batch_of(connection)) is not None:
            number, batch, previous = last.last_entry + 1, last.number + 1, last.hash
        make = self._rows.row
        rows = [
            make(number + index, batch, writer, record.sequence, record.entry)
            for index, (writer, record) in enumerate(records)
        ]
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


def _new(connection: Connection, records: Sequence[tuple[str, Record]]) -> list[tuple[str, Record]]:
    """Without those whose id the ledger has, or one before them."""
    seen = find_ids(connection, [record.entry.closing.id for _writer, record in records])
    new = []
    for writer, record in records:
        if record.entry.closing.id not in seen:
            seen.add(record.entry.closing.id)
            new.append((writer, record))
    return new


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
