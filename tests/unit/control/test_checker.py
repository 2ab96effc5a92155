"""Counters against the ledger, while calls are held, settled and on their way into it."""

import struct
from collections.abc import Callable

import pytest
from tests.support.books import KEY, TEAM, BooksRig

from fastgate.budgets.periods import calendar
from fastgate.budgets.state import pack, unpack
from fastgate.control import bookkeeper
from fastgate.domain.account import AMOUNT_MASK, BudgetWord, Level, Owner
from fastgate.observability import catalogue
from fastgate.observability.totals import Totals


def differences(rig: BooksRig) -> int:
    totals = Totals(rig.data_dir.path / "metrics").series(catalogue.LEDGER_DIFFERENCES)
    return sum(total.values[0] for _, total in totals)


def check(rig: BooksRig) -> int:
    """How many differences this look has found."""
    before = differences(rig)
    rig.keeper.check(100)
    return differences(rig) - before


def put(rig: BooksRig, line: int, word: BudgetWord, change: int) -> None:
    """As a defect would, or a crash in the middle of a change."""
    tag, amount = unpack(rig.accounts.load(line, word))
    rig.accounts.store(line, word, pack(tag, amount + change))


def test_counters_that_agree_stay(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    life.call([line], 10)
    life.hold([line])
    life.send(life.hold([line]))
    assert check(rig) == 0, "the entry is still in the journal, and two calls are in flight"
    assert rig.counted(line) == (10, 200)
    rig.keeper.drain()
    assert check(rig) == 0
    assert rig.counted(line) == (10, 200)


def test_more_than_a_word_has_room_for(rig: BooksRig) -> None:
    """As a provider may report: counters end at the most that they hold, in the period that they are of."""
    line, life = rig.place(), rig.life()
    first, second = life.send(life.hold([line])), life.send(life.hold([line]))
    for slot in (first, second):
        life.settle(slot, AMOUNT_MASK - 5)
    assert check(rig) == 0
    rig.keeper.drain()
    assert check(rig) == 0
    put(rig, line, BudgetWord.SPENT, -7)
    assert check(rig) == 1
    assert rig.counted(line)[0] == AMOUNT_MASK


@pytest.mark.parametrize("drained", [False, True])
@pytest.mark.parametrize("word", [BudgetWord.COMMITTED, BudgetWord.SPENT])
@pytest.mark.parametrize("change", [-5, 5])
def test_a_difference_is_put_right(rig: BooksRig, word: BudgetWord, change: int, drained: bool) -> None:
    line, life = rig.place(), rig.life()
    life.call([line], 10)
    life.hold([line])
    if drained:
        rig.keeper.drain()
    put(rig, line, word, change)
    assert check(rig) == 1
    assert rig.counted(line) == (10, 100)
    assert unpack(rig.accounts.load(line, BudgetWord.COMMITTED))[1] == 110
    assert check(rig) == 0


def test_only_the_line_that_differs_is_changed(rig: BooksRig) -> None:
    lines, life = [rig.place(KEY), rig.place(TEAM)], rig.life()
    life.call(lines, 10)
    put(rig, lines[0], BudgetWord.COMMITTED, 7)
    before = [rig.accounts.load(lines[1], word) for word in range(16)]
    assert check(rig) == 1
    assert [rig.accounts.load(lines[1], word) for word in range(16)] == before


def test_nothing_is_said_while_a_call_is_being_settled(rig: BooksRig) -> None:
    line, life = rig.place(), rig.life()
    slot = life.send(life.hold([line]))
    life.journal_entry(slot, 30)
    put(rig, line, BudgetWord.COMMITTED, 7)
    assert check(rig) == 0
    life.holds.settle(slot, 30)
    assert check(rig) == 1
    assert rig.counted(line) == (30, 0)


def test_a_worker_that_has_just_started_is_seen(rig: BooksRig) -> None:
    """Before its journal was looked at for the first time."""
    line = rig.place()
    rig.keeper.drain()
    life = rig.life()
    life.call([line], 10)
    life.hold([line])
    assert check(rig) == 0
    assert rig.counted(line) == (10, 100)


def test_a_long_journal_is_not_looked_through(rig: BooksRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger is away, say: what is not counted must not be taken for unspent."""
    monkeypatch.setattr(bookkeeper, "BATCH", 5)
    line, life = rig.place(), rig.life()
    for _ in range(6):
        life.call([line], 10)
    put(rig, line, BudgetWord.COMMITTED, 7)
    assert check(rig) == 0
    assert rig.counted(line) == (60, 7)
    while rig.keeper.drain():
        pass
    assert check(rig) == 1
    assert rig.counted(line) == (60, 0)


def test_calls_of_the_period_before_do_not_count(rig: BooksRig) -> None:
    line, life = rig.place(period=calendar("hourly", "UTC")), rig.life()
    entry = life.call([line], 10)
    other = rig.balance(line).start_ns - 1
    slot = life.send(life.hold([line]))
    life.settle(slot, 0, admitted_ns=other)
    assert check(rig) == 0
    assert rig.counted(line) == (entry.closing.cost, 0)


def test_all_budgets_have_their_turn(rig: BooksRig) -> None:
    lines = [rig.place(Owner(Level.TEAM, f"team-{i}")) for i in range(7)]
    for line in lines:
        put(rig, line, BudgetWord.COMMITTED, 1)
    found = []
    for _ in range(4):
        before = differences(rig)
        rig.keeper.check(2)
        found.append(differences(rig) - before)
    assert found == [2, 2, 2, 1]
    assert [rig.counted(line) for line in lines] == [(0, 0)] * 7


def test_a_suspect_has_its_turn_at_once(rig: BooksRig) -> None:
    lines = [rig.place(Owner(Level.TEAM, f"team-{i}")) for i in range(5)]
    put(rig, lines[4], BudgetWord.COMMITTED, 1)
    rig.keeper.suspect(lines[4])
    rig.keeper.suspect(999)  # a budget that is gone
    rig.keeper.check(1)
    assert rig.counted(lines[4]) == (0, 0)


# --- counts of what is concurrent ---------------------------------------------------------------------


@pytest.fixture
def entered(rig: BooksRig) -> Callable[[int], int]:
    """A line of limits whose first cell counts so many calls."""

    def enter(count: int) -> int:
        line, life = rig.place_limits(), rig.life()
        for _ in range(count):
            assert life.holds.enter(life.holds.claim(), struct.pack("=iiq", line, 2, 10)) == -1
        return line

    return enter


def test_a_count_that_may_be_wrong_is_taken_anew(rig: BooksRig, entered: Callable[[int], int]) -> None:
    line = entered(3)
    rig.accounts.add(line, 2, 1)
    rig.keeper.check(10)
    assert rig.accounts.load(line, 2) == 4, "nobody has doubts about it"
    rig.keeper._checker.suspect_gauge(line, 2)
    rig.keeper.check(10)
    assert rig.accounts.load(line, 2) == 3
    rig.accounts.add(line, 2, 1)
    rig.keeper.check(10)
    assert rig.accounts.load(line, 2) == 4, "it was looked at once"
