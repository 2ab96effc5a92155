"""What is in the ledger, as it stands there. Sums are in `spend`."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from sqlalchemy import Connection, select, tuple_

from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.rows import INDEX, LedgerEntry, Row, ledger_entry
from fastgate.store.ledger.schema import ARCHIVES, BATCHES, ENTRIES, WRITERS

_PAGE: Final = 2_000
_LOOK_UP: Final = 500  # ids in one statement

_NUMBER: Final = INDEX["number"]
_ADMITTED: Final = INDEX["admitted_ns"]


class WriterState(NamedTuple):
    """Where the reading of a journal stands. The entries up to the sequence `archived` are in archives."""

    writer: str
    sequence: int
    segment: int
    offset: int
    closed: bool
    archived: int


class Batch(NamedTuple):
    """Entries that were written at once; `hash` is what `canonical.batch_hash` says of them."""

    number: int
    previous_hash: str
    hash: str
    first_entry: int
    last_entry: int
    written_ns: int


class Archive(NamedTuple):
    """Batches that are no longer in the tables. `file` is "" where they were only deleted.

    `previous_hash` is that of the batch before them, `hash` that of the last of them.
    """

    number: int
    file: str
    sha256: str
    first_batch: int
    last_batch: int
    first_entry: int
    last_entry: int
    previous_hash: str
    hash: str
    until_ns: int
    written_ns: int


def positions(database: LedgerDatabase) -> dict[str, WriterState]:
    """By writer."""
    with database.reading() as connection:
        states = (WriterState(*row) for row in connection.execute(select(WRITERS)))
        return {state.writer: state._replace(closed=bool(state.closed)) for state in states}


def known_ids(database: LedgerDatabase, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that the ledger has; what is archived is not known any more."""
    with database.reading() as connection:
        return find_ids(connection, ids)


def find_ids(connection: Connection, ids: Sequence[str]) -> set[str]:
    """As `known_ids`, within a transaction."""
    found: set[str] = set()
    rest = iter(ids)
    while some := list(islice(rest, _LOOK_UP)):
        found.update(connection.scalars(select(ENTRIES.c.id).where(ENTRIES.c.id.in_(some))))
    return found


def last_batch(database: LedgerDatabase) -> Batch | None:
    with database.reading() as connection:
        return last_batch_of(connection)


def last_batch_of(connection: Connection) -> Batch | None:
    """As `last_batch`, within a transaction."""
    row = connection.execute(select(BATCHES).order_by(BATCHES.c.number.desc()).limit(1)).first()
    return None if row is None else Batch(*row)


def batches(database: LedgerDatabase, after: int = 0) -> Iterator[Batch]:
    """Those with a number above `after`, in order."""
    query = select(BATCHES).order_by(BATCHES.c.number).limit(_PAGE)
    while True:
        with database.reading() as connection:
            page = [Batch(*row) for row in connection.execute(query.where(BATCHES.c.number > after))]
        if not page:
            return
        yield from page
        after = page[-1].number


def archives(database: LedgerDatabase) -> list[Archive]:
    """Oldest first."""
    with database.reading() as connection:
        return [Archive(*row) for row in connection.execute(select(ARCHIVES).order_by(ARCHIVES.c.number))]


def rows(database: LedgerDatabase, first: int = 1, last: int | None = None) -> Iterator[Row]:
    """The columns of the entries numbered `first` to `last`, in order, whatever is in them.

    Page by page, so that a long reading holds nothing back; entries never change.
    """
    query = select(ENTRIES).order_by(ENTRIES.c.number).limit(_PAGE)
    if last is not None:
        query = query.where(ENTRIES.c.number <= last)
    while True:
        with database.reading() as connection:
            page = [tuple(row) for row in connection.execute(query.where(ENTRIES.c.number >= first))]
        if not page:
            return
        yield from page
        first = page[-1][_NUMBER] + 1


def entries(database: LedgerDatabase, since_ns: int, until_ns: int) -> Iterator[LedgerEntry]:
    """Those admitted from `since_ns` on and before `until_ns`, in order of admission, page by page.

    ValueError: one cannot be read.
    """
    place = tuple_(ENTRIES.c.admitted_ns, ENTRIES.c.number)
    query = (
        select(ENTRIES)
        .where(ENTRIES.c.admitted_ns < until_ns)
        .order_by(ENTRIES.c.admitted_ns, ENTRIES.c.number)
        .limit(_PAGE)
    )
    after = (since_ns, 0)
    while True:
        with database.reading() as connection:
            page = [tuple(row) for row in connection.execute(query.where(place > after))]
        if not page:
            return
        yield from map(ledger_entry, page)
        after = (page[-1][_ADMITTED], page[-1][_NUMBER])
