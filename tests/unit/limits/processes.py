"""Workers that share limits, each a real process: run as a script (tests.core.processes).

Their clock is a word of the accounts file that every attempt moves on, so hours pass in a moment; by the time
an attempt takes from the limit, others may have come with a later time.
"""

import random

import msgspec
from tests.core.processes import main, wait_for_start

from fastgate._core.accounts import AccountTable
from fastgate.domain.account import LimitRef
from fastgate.limits.limiter import Limiter

CLOCK_LINE = 63
CLOCK_WORD = 2

Admitted = list[tuple[int, int]]
"""When (ns), and how much."""


class Work(msgspec.Struct):
    """What each does: so many attempts, the clock moved on by `step_ns` before each."""

    path: str
    refs: tuple[LimitRef, ...]
    step_ns: int
    attempts: int
    tokens: int


def admit(work: str, seed: str) -> Admitted:
    """Requests of 1 to `tokens`, as fast as it can."""
    return _run(work, seed, correct=False)


def admit_and_correct(work: str, seed: str) -> Admitted:
    """Requests estimated at `tokens`, each settled before the next at anything from nothing to twice that."""
    return _run(work, seed, correct=True)


def _run(encoded: str, seed: str, *, correct: bool) -> Admitted:
    work = msgspec.json.decode(encoded, type=Work)
    accounts = AccountTable(work.path, False)
    chain = Limiter(accounts).chain(work.refs)
    chance = random.Random(seed)
    admitted: Admitted = []
    wait_for_start()
    for _ in range(work.attempts):
        used = chance.randint(0, 2 * work.tokens) if correct else chance.randint(1, work.tokens)
        asked = work.tokens if correct else used
        now_ns = accounts.add(CLOCK_LINE, CLOCK_WORD, work.step_ns)
        if chain.admit(1, asked, 0, now_ns) is None:
            chain.correct(used - asked, 0, now_ns)
            admitted.append((now_ns, used))
    return admitted


if __name__ == "__main__":
    main(globals())
