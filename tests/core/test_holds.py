"""The table of holds: what is reserved, settled and given back."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.core import lines, money_processes
from tests.core.conftest import Spawn
from tests.support.memory import rss_of_file

from fastgate._core import holds
from fastgate._core.accounts import AccountTable
from fastgate._core.budget import charge, roll, room
from fastgate._core.holds import HoldTable
from fastgate.domain.account import BudgetWord
from fastgate.domain.entry import MAX_OPENING

NOW = 10**18
MAX_AMOUNT = (1 << 56) - 1
SLOT = 4096


def test_the_numbers_are_those_that_others_use() -> None:
    assert holds.MAX_OPENING == MAX_OPENING
    states = [holds.FREE, holds.CLAIMED, holds.RESERVING, holds.RESERVED, holds.SENT, holds.SETTLING]
    assert states == list(range(6))


def test_reserved_on_every_line_or_on_none(accounts: AccountTable, table: HoldTable) -> None:
    slot = table.claim()
    accounts.store(3, BudgetWord.LIMIT, 59)
    assert table.reserve(slot, lines.packed(range(5)), 60, NOW, b"") == 3
    assert [lines.committed(accounts, line) for line in range(5)] == [0] * 5
    assert [accounts.load(line, BudgetWord.DENIALS) for line in range(5)] == [0, 0, 0, 1, 0]
    assert table.state(slot) == holds.CLAIMED
    assert table.reserve(slot, lines.packed([0, 1, 2, 4]), 60, NOW, b"") == -1
    assert [lines.committed(accounts, line) for line in range(5)] == [60, 60, 60, 0, 60]
    assert table.charged(slot) == (100, 101, 102, 104)


def test_every_change_is_announced_in_the_line(accounts: AccountTable, table: HoldTable) -> None:
    slot = table.claim()
    calls: list[Callable[[], object]] = [
        lambda: table.reserve(slot, lines.packed([0]), 10, NOW, b""),
        lambda: table.release(slot),
        lambda: table.reserve(slot, lines.packed([0]), 10, NOW, b""),
        lambda: table.settling(slot),
        lambda: table.settle(slot, 7),
        lambda: charge(accounts, 0, 7, NOW),
    ]
    ops = [accounts.load(0, BudgetWord.OPS)]
    for call in calls:
        before = lines.committed(accounts, 0), lines.spent(accounts, 0)
        call()
        ops.append(accounts.load(0, BudgetWord.OPS))
        changed = before != (lines.committed(accounts, 0), lines.spent(accounts, 0))
        assert (ops[-1] > ops[-2]) == changed
    assert ops[-1] > 4


def test_a_serial_number_is_of_one_entry(table: HoldTable) -> None:
    slot = table.claim()
    serials = [table.serial(slot)]
    table.reserve(slot, b"", 1, NOW, b"")
    table.release(slot)
    assert table.serial(slot) == serials[0]
    for _ in range(3):
        table.reserve(slot, b"", 1, NOW, b"")
        table.settling(slot)
        assert table.serial(slot) == serials[-1]
        table.settle(slot, 1)
        serials.append(table.serial(slot))
    table.free(slot)
    serials.append(table.serial(table.claim()))
    assert serials == sorted(set(serials))


def test_a_period_is_chosen_by_the_latest_of_the_chain(accounts: AccountTable, table: HoldTable) -> None:
    """Line 1 is already in the period that begins at NOW, line 0 is not."""
    for line in (0, 1):
        lines.end_period(accounts, line, 0, NOW)
        lines.end_period(accounts, line, 1, 2 * NOW)
    roll(accounts, 1, NOW)
    slot = table.claim()
    assert table.reserve(slot, lines.packed([0, 1]), 60, NOW - 5, b"") == -1
    assert table.admitted_ns(slot) == NOW
    assert table.read(slot).tags == (1, 1)
    assert [lines.amount(accounts, line, BudgetWord.COMMITTED) for line in (0, 1)] == [(1, 60), (1, 60)]


def test_without_further_ends_a_budget_stays_in_its_period(accounts: AccountTable, table: HoldTable) -> None:
    """The control process is away: what it wrote four periods ago ends no period now."""
    for period in range(3):
        lines.end_period(accounts, 0, period, NOW + period)
    slots = [table.claim() for _ in range(11)]
    admitted = [table.reserve(slot, lines.packed([0]), 10, NOW + 1_000, b"") for slot in slots]
    assert admitted == [-1] * 10 + [0]
    assert lines.amount(accounts, 0, BudgetWord.COMMITTED) == (3, 100)


def test_a_late_settlement_leaves_the_next_period_alone(accounts: AccountTable, table: HoldTable) -> None:
    lines.end_period(accounts, 0, 0, NOW)
    slot, other, later = table.claim(), table.claim(), table.claim()
    assert table.reserve(slot, lines.packed([0]), 60, NOW - 1, b"") == -1
    assert table.reserve(other, lines.packed([0]), 40, NOW - 1, b"") == -1
    assert table.reserve(later, lines.packed([0]), 100, NOW, b"") == -1
    table.settling(slot)
    table.settle(slot, 60)
    table.release(other)
    assert lines.amount(accounts, 0, BudgetWord.COMMITTED) == (1, 100)
    assert lines.amount(accounts, 0, BudgetWord.SPENT) == (0, 0)
    table.settling(later)
    table.settle(later, 30)
    assert lines.amount(accounts, 0, BudgetWord.COMMITTED) == (1, 30)
    assert lines.amount(accounts, 0, BudgetWord.SPENT) == (1, 30)


def test_spending_again_after_half_of_all_tags(accounts: AccountTable) -> None:
    """An idle budget that is rolled over 200 times: what it spent before must not look newer than now."""
    assert charge(accounts, 0, 7, NOW)
    for period in range(200):
        lines.end_period(accounts, 0, period, NOW + period + 1)
        roll(accounts, 0, NOW + period + 1)
    assert charge(accounts, 0, 5, NOW + 201)
    assert lines.amount(accounts, 0, BudgetWord.SPENT) == (200, 5)


def test_the_largest_amounts(accounts: AccountTable, table: HoldTable) -> None:
    slot = table.claim()
    accounts.store(0, BudgetWord.LIMIT, (1 << 63) - 1)
    accounts.store(0, BudgetWord.EXTRA, (1 << 63) - 1)
    accounts.store(0, BudgetWord.EXTRA_UNTIL, (1 << 63) - 1)
    for amount in (MAX_AMOUNT + 1, (1 << 63) - 1):
        assert table.reserve(slot, lines.packed([0]), amount, NOW, b"") == 0
    assert table.reserve(slot, lines.packed([0]), MAX_AMOUNT, NOW, b"") == -1
    assert room(accounts, lines.packed([0]), NOW) == 0
    table.settling(slot)
    table.settle(slot, (1 << 63) - 1)
    assert lines.amount(accounts, 0, BudgetWord.COMMITTED) == (0, MAX_AMOUNT)
    assert lines.amount(accounts, 0, BudgetWord.SPENT) == (0, MAX_AMOUNT)
    assert charge(accounts, 0, (1 << 63) - 1, NOW)
    assert lines.amount(accounts, 0, BudgetWord.SPENT) == (0, MAX_AMOUNT)


@pytest.mark.parametrize("limit", [-1, -(1 << 63)])
def test_nothing_fits_into_a_negative_limit(accounts: AccountTable, table: HoldTable, limit: int) -> None:
    accounts.store(0, BudgetWord.LIMIT, limit)
    assert table.reserve(table.claim(), lines.packed([0]), 0, NOW, b"") == 0
    assert room(accounts, lines.packed([0]), NOW) == 0


def test_room(accounts: AccountTable, table: HoldTable) -> None:
    assert room(accounts, b"", NOW) == 1 << 62
    assert room(accounts, lines.packed([7]), NOW) == 1 << 62
    accounts.store(1, BudgetWord.LIMIT, 30)
    assert room(accounts, lines.packed([0, 1]), NOW) == 30
    table.reserve(table.claim(), lines.packed([0]), 90, NOW, b"")
    assert room(accounts, lines.packed([0, 1]), NOW) == 10
    accounts.store(0, BudgetWord.EXTRA, 5)
    accounts.store(0, BudgetWord.EXTRA_UNTIL, NOW + 1)
    assert [room(accounts, lines.packed([0, 1]), now) for now in (NOW, NOW + 1)] == [15, 10]


def test_lines_of_nobody_hold_nothing_up(accounts: AccountTable, table: HoldTable) -> None:
    slot = table.claim()
    accounts.store(1, BudgetWord.LIMIT, 0)
    accounts.store(1, BudgetWord.ID, 0)
    assert table.reserve(slot, lines.packed([7, 0, 1]), 100, NOW, b"") == -1
    assert table.charged(slot) == (100,)
    accounts.store(0, BudgetWord.LIMIT, 0)
    other = table.claim()
    assert table.reserve(other, lines.packed([7, 1, 0]), 1, NOW, b"") == 2, "the index is that of the chain"
    assert table.enter(other, lines.packed_gauges([(7, 2, 0)])) == -1
    assert accounts.load(7, 2) == 0


def test_a_line_that_has_another_owner_by_now_is_left_alone(accounts: AccountTable, table: HoldTable) -> None:
    slots = [table.claim() for _ in range(3)]
    for slot in slots:
        assert table.enter(slot, lines.packed_gauges([(5, 2, 9)])) == -1
        assert table.reserve(slot, lines.packed([0, 1]), 10, NOW, b"") == -1
    lines.place_budget(accounts, 0, 999, 100)
    lines.place_limits(accounts, 5, 998)
    for line, word in ((0, BudgetWord.COMMITTED), (5, 2)):
        accounts.store(line, word, 77)
    table.release(slots[0])
    table.settling(slots[1])
    table.settle(slots[1], 4)
    for slot in slots:
        table.free(slot)
    assert accounts.load(0, BudgetWord.COMMITTED) == accounts.load(5, 2) == 77
    assert (lines.committed(accounts, 1), lines.spent(accounts, 1)) == (4, 4)


def test_gauges_all_or_none(accounts: AccountTable, table: HoldTable) -> None:
    def entered() -> list[int]:
        return [accounts.load(5, 2), accounts.load(5, 3), accounts.load(6, 15)]

    slots = [table.claim() for _ in range(3)]
    chain = lines.packed_gauges([(5, 2, 2), (5, 3, 100), (6, 15, 2)])
    assert [table.enter(slot, chain) for slot in slots] == [-1, -1, 0]
    assert table.enter(slots[2], lines.packed_gauges([(5, 3, 3), (6, 15, 2)])) == 1
    assert entered() == [2, 2, 2]
    assert table.enter(slots[0], lines.packed_gauges([(5, 3, 3)])) == -1
    assert entered() == [2, 3, 2]
    for slot in slots:
        table.free(slot)
    assert entered() == [0, 0, 0]


def test_room_in_a_slot_is_bounded(table: HoldTable) -> None:
    slot = table.claim()
    assert table.enter(slot, lines.packed_gauges([(5, 2, 99)] * 20)) == -1
    with pytest.raises(ValueError, match="24 gauges"):
        table.enter(slot, lines.packed_gauges([(5, 2, 99)] * 5))
    assert table.enter(slot, lines.packed_gauges([(5, 2, 99)] * 4)) == -1
    assert table.read(slot).entered == 24
    for chain, opening in ((range(5), bytes(3_073)), ([0] * 33, b"")):
        with pytest.raises(ValueError, match="more than"):
            table.reserve(slot, lines.packed(chain), 1, NOW, opening)
    opening = bytes(random.Random(1).randbytes(3_072))
    assert table.reserve(slot, lines.packed([0] * 32), 1, NOW, opening) == -1
    hold = table.read(slot)
    assert (hold.opening, hold.held, hold.lines) == (opening, 32, (0,) * 32)
    table.free(slot)


@pytest.mark.parametrize("length", range(18))
def test_openings_of_each_length(table: HoldTable, length: int) -> None:
    slot = table.claim()
    for opening in (b"\xff" * 40, bytes(range(1, length + 1))):
        table.reserve(slot, b"", 1, NOW, opening)
        assert table.read(slot).opening == opening
        table.release(slot)


def test_slots_of_the_largest_size_lie_beside_each_other(tmp_path: Path) -> None:
    """Four share their pages: what one has in its last words is none of its neighbours'."""
    accounts = AccountTable(str(tmp_path / "many"), True, 64)
    for line in range(32):
        lines.place_budget(accounts, line, 100 + line, 1_000)
        lines.place_limits(accounts, 32 + line, 200 + line)
    table = HoldTable(str(tmp_path / "largest"), accounts, True)
    slots = [table.claim() for _ in range(9)]
    openings = [random.Random(slot).randbytes(MAX_OPENING - slot) for slot in slots]
    gauges = [(32 + number, 2) for number in range(holds.MAX_GAUGES)]
    for slot, opening in zip(slots, openings, strict=True):
        assert table.enter(slot, lines.packed_gauges([(*gauge, 100) for gauge in gauges])) == -1
        assert table.reserve(slot, lines.packed(range(holds.MAX_LINES)), slot, NOW, opening) == -1
    read = HoldTable(str(tmp_path / "largest"), accounts, False).read
    for slot, opening in zip(slots, openings, strict=True):
        hold = read(slot)
        assert (hold.opening, hold.amount) == (opening, slot)
        assert hold.lines == tuple(range(holds.MAX_LINES))
        assert hold.accounts == table.charged(slot) == tuple(range(100, 100 + holds.MAX_LINES))
        assert list(hold.gauges) == gauges
    for slot in slots:
        table.free(slot)
    assert [lines.committed(accounts, line) for line in range(32)] == [0] * 32
    assert [accounts.load(line, 2) for line in range(32, 64)] == [0] * 32


def test_usual_holds_touch_a_quarter_of_their_pages(tmp_path: Path, accounts: AccountTable) -> None:
    path = tmp_path / "usual"
    table = HoldTable(str(path), accounts, True)
    for _ in range(1_000):
        table.reserve(table.claim(), lines.packed(range(5)), 0, NOW, bytes(700))
    assert rss_of_file(path) < 1_000 * SLOT * 0.3


def test_the_last_freed_slot_is_the_next(table: HoldTable) -> None:
    slots = [table.claim() for _ in range(5)]
    for slot in (slots[1], slots[3]):
        table.free(slot)
    assert [table.claim(), table.claim()] == [slots[3], slots[1]]


def test_it_grows_while_others_read(tmp_path: Path, accounts: AccountTable, table: HoldTable) -> None:
    reader = HoldTable(str(tmp_path / "holds"), accounts, False)
    assert reader.slots() == []
    slots = [table.claim() for _ in range(5_000)]
    table.reserve(slots[-1], lines.packed([0]), 1, NOW, b"the last one")
    assert sorted(reader.slots()) == sorted(slots) == list(range(5_000))
    assert reader.read(slots[-1]).opening == b"the last one"
    assert (table.in_use, reader.in_use) == (5_000, 5_000)
    path = tmp_path / "holds"
    assert path.stat().st_blocks * 512 >= path.stat().st_size, "a hole could fail at the first write"


def test_a_full_disk_refuses_the_claim_and_nothing_else(
    tmp_path: Path, accounts: AccountTable, spawn: Spawn
) -> None:
    process = spawn(money_processes.claim_beyond_limit, tmp_path / "accounts", tmp_path / "holds", 70 * SLOT)
    process.start()
    assert process.result() == ["File too large", 64, 64]
