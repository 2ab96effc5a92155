"""Moves old entries out of the database: into files, or away. The roll-ups stay, and so does the hash chain.

Whole batches go, the oldest first, and never the last one: what follows them goes on from the hash that
`archives` has of them.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from fastgate import clock
from fastgate.store.ledger import read
from fastgate.store.ledger.archive_file import ArchiveFormat, read_rows, write_rows
from fastgate.store.ledger.canonical import batch_hash
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.errors import LedgerUnavailable, LedgerUnusable
from fastgate.store.ledger.read import Archive, Batch
from fastgate.store.ledger.rollup import HOUR_NS
from fastgate.store.ledger.rows import INDEX, Row
from fastgate.store.ledger.schema import ARCHIVES, BATCHES, ENTRIES, WRITERS

MAX_ENTRIES: Final = 100_000  # in one file, and in one transaction, which keeps new entries waiting

_BATCH: Final = INDEX["batch"]
_WRITER: Final = INDEX["writer"]
_SEQUENCE: Final = INDEX["sequence"]
_ADMITTED: Final = INDEX["admitted_ns"]


def archive(
    database: LedgerDatabase,
    before_ns: int,
    directory: Path | None,
    form: ArchiveFormat = ArchiveFormat.PARQUET,
    max_entries: int = MAX_ENTRIES,
) -> Archive | None:
    """Move the oldest batches that were written before `before_ns` to a new file; without a directory, away.

    Call it until it says None: nothing is left to move. What is killed in between is done again.
    LedgerUnusable: the entries are not as they were written, and stay. LedgerUnavailable: also a full disk.
    """
    going = _going(database, before_ns, max_entries)
    if not going:
        return None
    moved = _Moved(database, going)
    name, sha256 = "", ""
    if directory is None:
        for _row in moved.rows():
            pass
    else:
        stem = f"entries-{going[0].first_entry:012d}"
        name = f"{stem}-{going[-1].last_entry:012d}{form.suffix}"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for leftover in directory.glob(f"{stem}-*"):
                leftover.unlink()
            sha256 = _write(directory / name, form, moved.rows())
        except OSError as error:
            raise LedgerUnavailable(f"{directory / name}: {error.strerror}") from None
    with database.writing() as connection:
        return _forget(connection, moved, name, sha256)


def verify_archive(kept: Archive, directory: Path) -> str:
    """What is wrong with a file, in words; "" if it is what was archived. LedgerUnusable: no pyarrow."""
    path = directory / kept.file
    previous, number, count = kept.previous_hash, kept.first_batch, 0
    try:
        if _sha256(path) != kept.sha256:
            return f"{path} is not the file that was written"
        for (batch, written_ns), group in groupby(read_rows(path), lambda row: (row[_BATCH], row[-1])):
            rows = [row[:-1] for row in group]
            if batch != number:
                return f"{path} has batch {batch} where {number} belongs"
            previous = batch_hash(previous, batch, written_ns, rows)
            number, count = number + 1, count + len(rows)
    except OSError as error:
        return f"{path}: {error.strerror}"
    except ValueError as error:
        return f"{path}: {error}"
    if number - 1 != kept.last_batch or count != kept.last_entry - kept.first_entry + 1:
        return f"{path} has not all that was archived"
    return "" if previous == kept.hash else f"{path} does not match the hash that the ledger has of it"


class _Moved:
    """The batches that go, and what is seen of them while their rows pass."""

    def __init__(self, database: LedgerDatabase, batches: Sequence[Batch]) -> None:
        self._database = database
        self.batches = batches
        self.sequences: dict[str, int] = {}
        self.until_ns = 0

    def rows(self) -> Iterator[Row]:
        """Each row and the time its batch was written. LedgerUnusable: it is not what was written."""
        first, last = self.batches[0], self.batches[-1]
        rows = read.rows(self._database, first.first_entry, last.last_entry)
        previous = first.previous_hash
        for batch in self.batches:
            own = list(islice(rows, batch.last_entry - batch.first_entry + 1))
            if batch_hash(previous, batch.number, batch.written_ns, own) != batch.hash:
                raise LedgerUnusable(
                    f"{self._database.place}: batch {batch.number} is not as it was written, so it is not "
                    "archived: `fastgate audit` says more"
                )
            previous = batch.hash
            for row in own:
                self.sequences[row[_WRITER]] = row[_SEQUENCE]
                self.until_ns = max(self.until_ns, row[_ADMITTED] + 1)
                yield (*row, batch.written_ns)


def _going(database: LedgerDatabase, before_ns: int, max_entries: int) -> list[Batch]:
    """At least one batch, if there is one to go."""
    last = read.last_batch(database)
    going: list[Batch] = []
    for batch in read.batches(database):
        if last is None or batch.number >= last.number or batch.written_ns >= before_ns:
            break
        if going and batch.last_entry - going[0].first_entry >= max_entries:
            break
        going.append(batch)
    return going


def _write(path: Path, form: ArchiveFormat, rows: Iterator[Row]) -> str:
    """The SHA-256 of the file, which is on the disk when this returns."""
    unfinished = path.with_name(f"{path.name}.tmp")
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        write_rows(file, form, rows)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _forget(connection: Connection, moved: _Moved, file: str, sha256: str) -> Archive:
    first, last = moved.batches[0], moved.batches[-1]
    number = connection.scalar(select(func.coalesce(func.max(ARCHIVES.c.number), 0))) or 0
    kept = Archive(
        number=number + 1,
        file=file,
        sha256=sha256,
        first_batch=first.number,
        last_batch=last.number,
        first_entry=first.first_entry,
        last_entry=last.last_entry,
        previous_hash=first.previous_hash,
        hash=last.hash,
        until_ns=moved.until_ns + -moved.until_ns % HOUR_NS,
        written_ns=clock.time_ns(),
    )
    connection.execute(insert(ARCHIVES).values(kept._asdict()))
    connection.execute(delete(ENTRIES).where(ENTRIES.c.number <= last.last_entry))
    connection.execute(delete(BATCHES).where(BATCHES.c.number <= last.number))
    for writer, sequence in moved.sequences.items():
        connection.execute(update(WRITERS).where(WRITERS.c.writer == writer).values(archived=sequence))
    return kept
