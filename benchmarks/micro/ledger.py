"""Entries appended to a ledger in SQLite, as the control process drains them: in batches, with positions,
hash chain and roll-ups, each batch on the disk; then what reading them takes.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.micro.timing import Case
from msgspec.structs import replace
from tests.support.ledger_entries import WRITER, drained, ledger_entry

from fastgate.domain.account import Level
from fastgate.domain.entry import Entry
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.read import rows
from fastgate.store.ledger.spend import spent_by
from fastgate.store.ledger.write import LedgerAppender

BEGAN_NS = 1_790_000_000_000_000_000
SPACING_NS = 20_000_000  # 50 calls a second, so that there are some hours
KEYS = 300
READ = 20_000


TEMPLATES = [
    ledger_entry(
        0, virtual_key=f"vk{number}", customer=f"customer{number % 20}", deployment=f"openai/{number % 5}"
    )
    for number in range(KEYS)
]


@contextmanager
def opened() -> Iterator[LedgerDatabase]:
    """An empty ledger."""
    with tempfile.TemporaryDirectory() as directory:
        database = LedgerDatabase.open(None, Path(directory))
        yield database
        database.close()


def entry(number: int) -> Entry:
    """Made within the time that is measured, so cheaply: in a microsecond."""
    template = TEMPLATES[number * 7_919 % KEYS]
    admitted_ns = BEGAN_NS + number * SPACING_NS
    identity = f"{WRITER}{number:012x}"
    changes = {"id": identity, "admitted_ns": admitted_ns, "settled_ns": admitted_ns + SPACING_NS}
    return Entry(template.opening, replace(template.closing, **changes))


def appending(appender: LedgerAppender, size: int) -> Callable[[], None]:
    """Appends a batch that follows the one before."""
    last = itertools.count(0, size)

    def append() -> None:
        after = next(last)
        entries = [entry(number) for number in range(after + 1, after + size + 1)]
        appender.append([drained(*entries, after=after)])

    return append


def cases() -> Iterator[Case]:
    for size in (250, 1_000, 5_000):
        with opened() as database:
            append = appending(LedgerAppender(database), size)
            yield Case(f"ledger.append: SQLite, an entry in batches of {size:,}", append, each=size)
    with opened() as database:
        appending(LedgerAppender(database), READ)()
        yield Case("ledger.rows: an entry", lambda: sum(1 for _row in rows(database)), each=READ)
        spent = partial(spent_by, database, Level.VIRTUAL_KEY, BEGAN_NS + 1, 2**63 - 1)
        yield Case(f"ledger.spent_by: {KEYS} keys over {READ:,} entries", spent)
