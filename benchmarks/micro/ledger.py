"""python -m benchmarks.micro.ledger

Entries appended to a ledger in SQLite, as the control process drains them: in batches, with positions, hash
chain and roll-ups, each batch on the disk.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.micro.timing import report
from tests.support.ledger_entries import drained, ledger_entry

from fastgate.domain.account import Level
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.read import rows
from fastgate.store.ledger.spend import spent_by
from fastgate.store.ledger.write import LedgerAppender

ENTRIES = 60_000
KEYS = 300
SPACING_NS = 20_000_000  # 50 calls a second, so that there are some hours


def measured() -> Iterator[dict[str, object]]:
    """A row for each size of a batch, in a ledger that the next one goes on with; then what reading takes."""
    with tempfile.TemporaryDirectory() as directory:
        database = LedgerDatabase.open(None, Path(directory))
        appender = LedgerAppender(database)
        after = 0
        for size in (250, 1_000, 5_000):
            entries = [
                ledger_entry(
                    after + number,
                    admitted_ns=1_790_000_000_000_000_000 + (after + number) * SPACING_NS,
                    virtual_key=f"vk{number * 7_919 % KEYS}",
                    customer=f"customer{number % 20}",
                    deployment=f"openai/{number % 5}",
                )
                for number in range(1, ENTRIES + 1)
            ]
            started = time.perf_counter()
            for start in range(0, ENTRIES, size):
                appender.append([drained(*entries[start : start + size], after=after + start)])
            seconds = time.perf_counter() - started
            after += ENTRIES
            yield {
                "benchmark": f"ledger.append: SQLite, batches of {size:,}",
                "entries_per_s": round(ENTRIES / seconds),
            }
        started = time.perf_counter()
        read = sum(1 for _row in rows(database))
        yield {
            "benchmark": f"ledger.rows: {read:,}",
            "entries_per_s": round(read / (time.perf_counter() - started)),
        }
        started = time.perf_counter()
        owners = len(spent_by(database, Level.VIRTUAL_KEY, 1_790_000_000_000_000_001, 2**63 - 1))
        yield {
            "benchmark": f"ledger.spent_by: {owners} keys over {read:,} entries",
            "ms": round((time.perf_counter() - started) * 1_000, 1),
        }
        database.close()


if __name__ == "__main__":
    report(measured())
