"""A process that appends is killed in the middle of it: what is in the ledger agrees with itself."""

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.support.ledger_entries import WRITER, drained, ledger_entry
from tests.support.processes import ROOT, python_environment

from fastgate.domain.account import Level
from fastgate.store.ledger.canonical import GENESIS, batch_hash
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.read import batches, positions, rows
from fastgate.store.ledger.spend import spend, spent_by
from fastgate.store.ledger.write import LedgerAppender

ROUNDS: Final = 5
EVER: Final = (0, 2**63 - 1)

# Goes on after the position that it finds, and says each position once it is committed.
_APPENDING: Final = """
import sys
from pathlib import Path
from tests.support.ledger_entries import WRITER, drained, ledger_entry
from fastgate.store.ledger.database import LedgerDatabase
from fastgate.store.ledger.read import positions
from fastgate.store.ledger.write import LedgerAppender

url, directory = sys.argv[1:]
database = LedgerDatabase.open(url, Path(directory))
appender = LedgerAppender(database)
state = positions(database).get(WRITER)
done = 0 if state is None else state.sequence
size = 1
while True:
    numbers = range(done + 1, done + size + 1)
    appender.append([drained(*map(ledger_entry, numbers), after=done)])
    done += size
    size = size % 400 + 57
    print(done, flush=True)
"""


def _killed(url: str, directory: Path, rng: random.Random) -> int:
    """The last position that it has said."""
    child = subprocess.Popen(
        [sys.executable, "-c", _APPENDING, url, str(directory)],
        env=python_environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    said = [int(child.stdout.readline()) for _ in range(rng.randrange(1, 6))]
    time.sleep(rng.uniform(0, 0.03))  # somewhere within the transactions that follow
    child.kill()
    rest = child.stdout.read().split("\n")[:-1]
    child.stdout.close()
    child.wait()
    return max(*said, *map(int, rest), 0)


def test_position_entries_chain_and_sums_agree(url: str, tmp_path: Path) -> None:
    rng = random.Random(11)
    for _ in range(ROUNDS):
        said = _killed(url, tmp_path, rng)
        database = LedgerDatabase.open(url, tmp_path)
        sequence = positions(database)[WRITER].sequence
        assert sequence >= said
        stored = list(rows(database))
        assert [row[:1] + row[2:5] for row in stored] == [
            (number, WRITER, number, f"{WRITER}{number:012x}") for number in range(1, sequence + 1)
        ]
        previous = GENESIS
        for batch in batches(database):
            own = stored[batch.first_entry - 1 : batch.last_entry]
            previous = batch_hash(previous, batch.number, batch.written_ns, own)
            assert previous == batch.hash
        cost = spent_by(database, Level.GATEWAY, *EVER)[""]
        assert cost == sequence * ledger_entry(1).closing.cost
        assert sum(sums.entries for sums in spend(database, ("hour",), *EVER).values()) == sequence
        # What a journal would give again is known.
        again = LedgerAppender(database).append([drained(*map(ledger_entry, range(1, sequence + 1)))])
        assert again == (0, sequence)
        database.close()
