"""Budgets and holds under several processes at once, and under processes that are killed."""

import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.core import lines, money_processes
from tests.core.conftest import Spawn
from tests.core.money_processes import COST, PERIOD_NS
from tests.core.processes import Process
from tests.core.tracing import instructions

from fastgate._core import holds
from fastgate._core.accounts import AccountTable
from fastgate._core.budget import charge, roll
from fastgate._core.holds import Hold, HoldTable
from fastgate.domain.account import BudgetWord

PLENTY = 10**15
ROLL_OVERS = 300


def budgets(path: Path, limits: list[int]) -> AccountTable:
    """Those on the first lines; lines 5 and 6 are of limits."""
    table = AccountTable(str(path), True, 8)
    for line, limit in enumerate(limits):
        lines.place_budget(table, line, 100 + line, limit)
    for line in (5, 6):
        lines.place_limits(table, line, 100 + line)
    return table


def watch(workers: list[Process], table: AccountTable, limits: list[int]) -> None:
    """While they work, nothing is ever committed or spent beyond a limit."""
    while any(worker.running() for worker in workers):
        for line, limit in enumerate(limits):
            assert lines.committed(table, line) <= limit
            assert lines.spent(table, line) <= limit


@pytest.mark.parametrize("tight", range(5))
def test_the_tight_budget_of_five_is_spent_to_the_last_call(tmp_path: Path, spawn: Spawn, tight: int) -> None:
    calls = 6_000
    # What is less than a call is left over.
    limits = [calls * COST + COST - 1 if line == tight else PLENTY for line in range(5)]
    table = budgets(tmp_path / "accounts", limits)
    chance = random.Random(tight)
    workers = []
    for worker in range(5):
        chain = chance.sample(range(5), 5)
        arguments = (tmp_path / "accounts", tmp_path / str(worker), " ".join(map(str, chain)), tight)
        workers.append(spawn(money_processes.spend_all, *arguments))
    for process in workers:
        process.start()
    watch(workers, table, limits)
    done = [process.result() for process in workers]
    assert sum(map(int_of, done)) == calls
    for line in range(5):
        assert lines.committed(table, line) == lines.spent(table, line) == calls * COST


def test_each_period_is_spent_to_the_last_call(tmp_path: Path, spawn: Spawn) -> None:
    """Clocks that are behind, and calls that settle a period late; the tight budget has short periods."""
    periods, calls = 60, 100
    limits = [calls * COST, PLENTY]
    table = budgets(tmp_path / "accounts", limits)
    last_ns = periods * PERIOD_NS
    lines.end_period(table, 0, 0, PERIOD_NS)
    lines.end_period(table, 0, 1, 2 * PERIOD_NS)
    lines.end_period(table, 1, 0, 10 * last_ns)
    workers = [
        spawn(
            money_processes.spend_periods,
            tmp_path / "accounts",
            tmp_path / str(behind_ns),
            behind_ns,
            periods,
        )
        for behind_ns in (0, 1, PERIOD_NS // 2, PERIOD_NS - 1)
    ]
    for process in workers:
        process.start()
    # The control process's part: the ends of the next two periods, and here the time itself.
    for period in range(periods):
        lines.end_period(table, 0, period + 1, (period + 2) * PERIOD_NS)
        tag, committed = -1, 0
        while tag != period & 255 or committed < limits[0]:
            assert all(process.running() for process in workers)
            tag, committed = lines.amount(table, 0, BudgetWord.COMMITTED)
            assert committed <= limits[0]
            assert lines.spent(table, 0) <= limits[0]
        table.header_store(0, (period + 1) * PERIOD_NS)
    called: Counter[int] = Counter()
    for process in workers:
        done = process.result()
        assert isinstance(done, dict)
        called.update({int(period): number for period, number in done.items()})
    assert called == dict.fromkeys(range(periods), calls)
    assert lines.spent(table, 1) == lines.committed(table, 1) == periods * calls * COST


class Expected:
    """What the counters must be, by what the slots of one worker say: all others stood still."""

    def __init__(self, table: AccountTable, slots: dict[int, Hold], cost: Callable[[int], int]) -> None:
        """`cost` is what a slot is settled at."""
        self.table = table
        self.slots = slots
        self.cost = cost
        self.uncertain_lines = {hold.lines[hold.held] for hold in slots.values() if hold.line_uncertain}
        self.uncertain_gauges = {hold.gauges[hold.entered] for hold in slots.values() if hold.gauge_uncertain}

    def possible(self, line: int) -> set[int]:
        """By how much what is reserved may be more than is certain."""
        if line not in self.uncertain_lines:
            return {0}
        [(slot, hold)] = [(slot, hold) for slot, hold in self.slots.items() if hold.line_uncertain]
        assert hold.state in (holds.RESERVING, holds.SETTLING)
        return {0, hold.amount} | ({self.cost(slot)} if hold.state == holds.SETTLING else set())

    def check(self) -> None:
        reserved: Counter[int] = Counter()
        entered: Counter[tuple[int, int]] = Counter()
        for hold in self.slots.values():
            reserved.update(dict.fromkeys(hold.lines[: hold.held], hold.amount))
            entered.update(hold.gauges[: hold.entered])
        for line in range(5):
            seen = lines.committed(self.table, line) - lines.spent(self.table, line)
            assert seen - reserved[line] in self.possible(line)
        for line, word in ((5, 2), (5, 3), (6, 2), (6, 3)):
            seen = self.table.load(line, word)
            if (line, word) in self.uncertain_gauges:
                assert entered[line, word] <= seen <= entered[line, word] + 1
            else:
                assert seen == entered[line, word]
        assert len(self.uncertain_lines) + len(self.uncertain_gauges) <= 1, "one thing after the other"


def test_a_killed_worker_leaves_at_most_one_line_in_doubt(tmp_path: Path, spawn: Spawn) -> None:
    in_doubt = 0
    states: Counter[int] = Counter()
    for round_ in range(25):
        table = budgets(tmp_path / "accounts", [PLENTY] * 5)
        worker = spawn(money_processes.work_forever, tmp_path / "accounts", tmp_path / f"holds{round_}")
        worker.start()
        while lines.spent(table, 0) < 500:
            assert worker.running()
        time.sleep(random.Random(round_).random() * 0.002)  # a random moment: nothing is waited for
        worker.kill()
        left = HoldTable(str(tmp_path / f"holds{round_}"), table, False)
        slots = {slot: left.read(slot) for slot in left.slots()}
        expected = Expected(table, slots, lambda slot: slot)
        expected.check()
        in_doubt += bool(expected.uncertain_lines or expected.uncertain_gauges)
        states.update(hold.state for hold in slots.values())
        for slot, hold in slots.items():
            if hold.state >= holds.SENT:
                left.settling(slot)
                left.settle(slot, 5)
            left.free(slot)
        assert left.slots() == []
        for line in {0, 1, 2, 3, 4} - expected.uncertain_lines:
            assert lines.committed(table, line) == lines.spent(table, line)
        for line, word in {(5, 2), (5, 3), (6, 2)} - expected.uncertain_gauges:
            assert table.load(line, word) == 0
    assert {holds.RESERVED, holds.SENT} <= set(states)


def test_at_each_instruction_a_slot_tells_what_is_in_doubt(tmp_path: Path, spawn: Spawn) -> None:
    """A worker that is killed leaves the memory as it is at that instruction: all of them are looked at."""
    table = budgets(tmp_path / "accounts", [100, 100, 100, 5])
    worker = spawn(money_processes.work_a_little_traced, tmp_path / "accounts", tmp_path / "holds")
    left = HoldTable(str(tmp_path / "holds"), table, False)
    seen: list[tuple[Hold | None, tuple[int, ...]]] = []
    for _ in instructions(worker):
        counters = tuple(table.load(line, word) for line in range(4) for word in (3, 4))
        slots = {slot: left.read(slot) for slot in left.slots()}
        now = (slots.get(0), (*counters, table.load(5, 2), table.load(6, 3)))
        if not seen or seen[-1] != now:
            Expected(table, slots, lambda slot: 4).check()
            seen.append(now)
    states = [state for state, _ in itertools.groupby(hold.state if hold else holds.FREE for hold, _ in seen)]
    assert states == [
        holds.FREE,
        holds.CLAIMED,
        holds.RESERVING,
        holds.RESERVED,
        holds.RESERVING,
        holds.CLAIMED,
        holds.RESERVING,
        holds.RESERVED,
        holds.SENT,
        holds.SETTLING,
        holds.CLAIMED,
        holds.RESERVING,
        holds.CLAIMED,
        holds.FREE,
    ]
    # With its old number until it is settled on all lines, so that nobody bills it again.
    assert {hold.serial for hold, _ in seen if hold and hold.state == holds.SETTLING} == {1}
    changed = {hold.held for hold, _ in seen if hold and hold.line_uncertain}
    assert changed == {0, 1, 2, 3}
    assert {hold.entered for hold, _ in seen if hold and hold.gauge_uncertain} == {0, 1}


def test_a_period_that_ends_in_the_middle_of_a_settlement(tmp_path: Path, spawn: Spawn) -> None:
    """Between the two words of a line: what is spent in the new period is not overwritten by the old one."""
    table = budgets(tmp_path / "accounts", [100])
    before = table.load(0, BudgetWord.COMMITTED)
    worker = spawn(money_processes.settle_traced, tmp_path / "accounts", tmp_path / "holds")
    reserved = table.load(0, BudgetWord.COMMITTED)
    assert reserved - before == 10
    ended = False
    for _ in instructions(worker):
        if not ended and table.load(0, BudgetWord.COMMITTED) != reserved:
            assert lines.amount(table, 0, BudgetWord.SPENT) == (0, 0)
            lines.end_period(table, 0, 0, PERIOD_NS)
            assert charge(table, 0, 9, PERIOD_NS)
            ended = True
    assert ended
    for word in (BudgetWord.COMMITTED, BudgetWord.SPENT):
        assert lines.amount(table, 0, word) == (1, 9)


def test_readers_never_see_one_half_of_a_reservation_and_one_of_the_next(
    tmp_path: Path, spawn: Spawn
) -> None:
    table = budgets(tmp_path / "accounts", [PLENTY] * 5)
    worker = spawn(money_processes.reserve_forever, tmp_path / "accounts", tmp_path / "holds")
    reader = HoldTable(str(tmp_path / "holds"), table, False)
    worker.start()
    seen: Counter[int] = Counter()
    while len(seen) < 20 or seen.total() < 30_000:
        hold = reader.read(0)
        if hold.state != holds.CLAIMED:
            seen[hold.amount] += 1
            assert hold.opening == money_processes.opening_of(hold.amount)
            assert hold.lines == tuple(range(hold.amount % 5))
        if hold.state == holds.RESERVED:
            assert (hold.admitted_ns, hold.held) == (1 + hold.amount, len(hold.lines))


def test_gauges_never_pass_their_caps(tmp_path: Path, spawn: Spawn) -> None:
    table = budgets(tmp_path / "accounts", [])
    workers = [
        spawn(money_processes.enter_often, tmp_path / "accounts", tmp_path / str(i), 50_000) for i in range(4)
    ]
    for worker in workers:
        worker.start()
    assert [worker.result() for worker in workers] == [2] * 4
    assert (table.load(5, 2), table.load(5, 3)) == (0, 0)


def test_a_roll_over_happens_once(tmp_path: Path, spawn: Spawn) -> None:
    """Many who roll over at the same moment lose nothing that was reserved in the new period."""
    table = budgets(tmp_path / "accounts", [PLENTY])
    workers = [spawn(money_processes.roll_and_charge, tmp_path / "accounts", ROLL_OVERS) for _ in range(4)]
    for process in workers:
        process.start()
    for period in range(ROLL_OVERS):
        lines.end_period(table, 0, period + 1, (period + 2) * PERIOD_NS)
        lines.end_period(table, 0, period, (period + 1) * PERIOD_NS)
        table.header_store(0, period + 1)
        while table.load(7, 0) < 4 * (period + 1):
            assert all(process.running() for process in workers)
            os.sched_yield()
        roll(table, 0, period * PERIOD_NS)
        assert lines.amount(table, 0, BudgetWord.COMMITTED) == (period & 255, 4 * COST)
        assert lines.amount(table, 0, BudgetWord.SPENT) == (period & 255, 4 * COST)
    assert [process.result() for process in workers] == [ROLL_OVERS] * 4


def int_of(result: object) -> int:
    assert isinstance(result, int)
    return result
