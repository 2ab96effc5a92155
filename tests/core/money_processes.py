"""Real processes that share accounts: scripts of roles for tests.core.processes.Process."""

import os
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable

from tests.core import lines
from tests.core.processes import main, wait_for_start
from tests.core.tracing import traced

from fastgate._core.accounts import AccountTable
from fastgate._core.bucket import LimitSet
from fastgate._core.budget import charge
from fastgate._core.holds import HoldTable
from fastgate.domain.account import BudgetWord

COST = 7
PERIOD_NS = 1_000


def grow_accounts_beyond_limit(path: str, limit: str) -> object:
    """A file system without room: here the process's own limit on the size of files."""
    table = AccountTable(path, False)
    wait_for_start()
    message = _beyond_limit(int(limit), lambda: table.grow(1_001))
    lines = table.lines
    table.grow(7)
    return [message, lines, table.lines]


def follow_growth(path: str, last: str) -> object:
    """Use each line as soon as it is there."""
    table = AccountTable(path, False)
    wait_for_start()
    seen = 0
    while seen < int(last):
        seen = table.header_load(0)
        assert seen == 0 or table.load(seen - 1, 7) == seen
        assert table.lines >= seen
    return seen


def claim_beyond_limit(accounts: str, path: str, limit: str) -> object:
    table = HoldTable(path, AccountTable(accounts, False), True)
    wait_for_start()
    slots = [table.claim() for _ in range(64)]
    message = _beyond_limit(int(limit), table.claim)
    in_use = table.in_use
    for slot in slots:
        table.free(slot)
    return [message, in_use, len({table.claim() for _ in range(64)})]


def spend_all(accounts: str, path: str, chain: str, tight: str) -> object:
    """Calls of COST each, until the tight budget is spent to its last nano-dollar; a few are given back."""
    table = AccountTable(accounts, False)
    holds = HoldTable(path, table, True)
    packed = lines.packed(map(int, chain.split()))
    chance = random.Random(path)
    limit = table.load(int(tight), BudgetWord.LIMIT)
    wait_for_start()
    calls = 0
    while lines.spent(table, int(tight)) + COST <= limit:
        slot = holds.claim()
        if holds.reserve(slot, packed, COST, 1, b"") == -1 and chance.random() < 0.8:
            holds.sent(slot)
            holds.settling(slot)
            holds.settle(slot, COST)
            calls += 1
        holds.free(slot)
    return calls


def spend_periods(accounts: str, path: str, behind_ns: str, periods: str) -> object:
    """By a clock in the accounts' header, that goes to the next period when all of this one is held.

    This process reads it `behind_ns` late. Holds are kept for a while, so many settle in the period after.
    What was called, by the period of its admission.
    """
    table = AccountTable(accounts, False)
    holds = HoldTable(path, table, True)
    chance = random.Random(path)
    end_ns = int(periods) * PERIOD_NS
    calls: Counter[int] = Counter()
    kept: list[int] = []

    def settle(slot: int) -> None:
        calls[holds.admitted_ns(slot) // PERIOD_NS] += 1
        holds.settling(slot)
        holds.settle(slot, COST)
        holds.free(slot)

    wait_for_start()
    while (now_ns := table.header_load(0)) < end_ns:
        slot = holds.claim()
        if holds.reserve(slot, lines.packed([0, 1]), COST, max(now_ns - int(behind_ns), 0), b"") == -1:
            kept.append(slot)
        else:
            holds.free(slot)
            os.sched_yield()
        if len(kept) > chance.randrange(30):
            settle(kept.pop(chance.randrange(len(kept))))
    for slot in kept:
        settle(slot)
    return calls


def roll_and_charge(accounts: str, periods: str) -> object:
    """One charge in each period, as soon as the header says that it has begun; line 7 counts them."""
    table = AccountTable(accounts, False)
    wait_for_start()
    for period in range(int(periods)):
        while table.header_load(0) <= period:
            os.sched_yield()
        assert charge(table, 0, COST, period * PERIOD_NS)
        table.add(7, 0, 1)
    return int(periods)


def work_forever(accounts: str, path: str) -> object:
    """All that a worker does to its slots, at random."""
    table = HoldTable(path, AccountTable(accounts, False), True)
    chain = lines.packed(range(5))
    chance = random.Random(path)
    wait_for_start()
    open_: list[int] = []
    while True:
        slot = table.claim()
        if table.enter(slot, lines.packed_gauges([(5, 2, 6), (5, 3, 1_000), (6, 2, 4)])) >= 0:
            table.free(slot)
        else:
            open_.append(slot)
            reserved = table.reserve(slot, chain, 1 + slot, 1, b"opening") == -1
            if reserved and chance.random() < 0.5:
                table.sent(slot)
        if len(open_) > chance.randrange(8):
            slot = open_.pop(chance.randrange(len(open_)))
            if table.state(slot) in (3, 4) and chance.random() < 0.7:
                table.settling(slot)
                table.settle(slot, slot)
            table.free(slot)


def work_a_little_traced(accounts: str, path: str) -> object:
    """One slot from its claim to its end, each way once."""
    table = HoldTable(path, AccountTable(accounts, False), True)
    chain, gauges = lines.packed([0, 1, 2]), lines.packed_gauges([(5, 2, 9), (6, 3, 9)])

    def work() -> None:
        slot = table.claim()
        table.enter(slot, gauges)
        table.reserve(slot, chain, 10, 1, b"opening")
        table.release(slot)
        table.reserve(slot, chain, 10, 1, b"opening")
        table.sent(slot)
        table.settling(slot)
        table.settle(slot, 4)
        table.reserve(slot, lines.packed([0, 1, 2, 3]), 10, 1, b"opening")  # there is no room in the last
        table.free(slot)

    wait_for_start()
    traced(work)
    return None


def settle_traced(accounts: str, path: str) -> object:
    table = HoldTable(path, AccountTable(accounts, False), True)
    slot = table.claim()
    table.reserve(slot, lines.packed([0]), 10, 1, b"")
    table.settling(slot)
    wait_for_start()
    traced(lambda: table.settle(slot, 4))
    return None


def reserve_forever(accounts: str, path: str) -> object:
    """The same slot again and again; the amount tells what else is in it."""
    table = HoldTable(path, AccountTable(accounts, False), True)
    slot = table.claim()
    kinds = [(lines.packed(range(n % 5)), n, opening_of(n)) for n in range(20)]
    wait_for_start()
    while True:
        for chain, amount, opening in kinds:
            table.reserve(slot, chain, amount, 1 + amount, opening)
            table.release(slot)


def opening_of(amount: int) -> bytes:
    return bytes([amount]) * (100 * amount)


def enter_often(accounts: str, path: str, rounds: str) -> object:
    """Two gauges, in either order, both with a cap of 2."""
    table = AccountTable(accounts, False)
    holds = HoldTable(path, table, True)
    chance = random.Random(path)
    orders = [lines.packed_gauges([(5, word, 2), (5, 5 - word, 2)]) for word in (2, 3)]
    wait_for_start()
    most = 0
    for _ in range(int(rounds)):
        slots = [holds.claim(), holds.claim()]
        for slot in slots:
            holds.enter(slot, chance.choice(orders))
            most = max(most, table.load(5, 2), table.load(5, 3))
        for slot in slots:
            holds.free(slot)
    return most


def take_for(accounts: str, limits: str, units: str, duration_ns: str) -> object:
    """Take as fast as it goes; when something was let through."""
    limiter = LimitSet(AccountTable(accounts, False), tuple(map(_limit, limits.split())))
    wait_for_start()
    end_ns = time.monotonic_ns() + int(duration_ns)
    taken = []
    while (now_ns := time.monotonic_ns()) < end_ns:
        if limiter.take(1, int(units), 0, now_ns) == -1:
            taken.append(now_ns)
    return taken


def take_by_the_header(accounts: str, counted: str, begin_ns: str, enough: str, limits: str) -> object:
    """Take requests of 1,000 a second, in bursts of 20, at the time in the header; how many.

    Whoever takes the last one that there can be moves the time on. Then all wait for each other: one request
    that is not let through, or one too many, and nobody ever comes to the end.
    """
    table = AccountTable(accounts, False)
    limiter = LimitSet(table, tuple(map(_limit, limits.split())))
    wait_for_start()
    taken = 0
    while now_ns := table.header_load(0):
        if limiter.take(1, 0, 0, now_ns) >= 0:
            os.sched_yield()
            continue
        taken += 1
        total = table.add(int(counted), 7, 1)
        now_ns = table.header_load(0)
        if total == 20 + (now_ns - int(begin_ns)) // 10**6:
            table.header_store(0, now_ns + (1 + total % 20) * 10**6 if total < int(enough) else 0)
    return taken


def _limit(text: str) -> tuple[int, int, int, int, int, int]:
    line, word, measure, amount, period_ns, burst = map(int, text.split(","))
    return line, word, measure, amount, period_ns, burst


def _beyond_limit(limit: int, call: Callable[[], object]) -> str | None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        call()
    except OSError as error:
        return error.strerror
    return None


if __name__ == "__main__":
    main(globals())
