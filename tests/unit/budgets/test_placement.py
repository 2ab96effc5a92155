"""The words of a budget's line, on a real table, with workers' own operations between the refreshes."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate._core import budget
from fastgate._core.accounts import AccountTable
from fastgate._core.holds import HoldTable
from fastgate.budgets.periods import SECOND_NS, Period, calendar, rolling
from fastgate.budgets.placement import refresh
from fastgate.budgets.spec import Increase, Terms
from fastgate.budgets.state import BudgetState, unpack
from fastgate.domain.account import KIND_BUDGET, BudgetWord

HOUR_NS = 3_600 * SECOND_NS
NOW = 1_800_000_000 * SECOND_NS
HOURLY = calendar("hourly", "UTC")
LINE = 3


@pytest.fixture
def table(tmp_path: Path) -> Iterator[AccountTable]:
    table = AccountTable(str(tmp_path / "accounts"), True, 8)
    table.store(LINE, BudgetWord.ID, 77)
    table.store(LINE, BudgetWord.KIND, KIND_BUDGET)
    yield table
    table.close()


@pytest.fixture
def worker(tmp_path: Path, table: AccountTable) -> Iterator[HoldTable]:
    worker = HoldTable(str(tmp_path / "holds"), table, True)
    yield worker
    worker.close()


def terms(limit: int = 1_000, period: Period = HOURLY, *increases: Increase) -> Terms:
    return Terms(period, "hourly", limit, increases=increases)


def reserve(worker: HoldTable, amount: int, at_ns: int) -> int | None:
    """The slot; None: refused."""
    slot = worker.claim()
    if worker.reserve(slot, struct.pack("=i", LINE), amount, at_ns, b"") == -1:
        return slot
    worker.free(slot)
    return None


def spend(worker: HoldTable, amount: int, at_ns: int) -> bool:
    slot = reserve(worker, amount, at_ns)
    if slot is None:
        return False
    worker.settling(slot)
    worker.settle(slot, amount)
    worker.free(slot)
    return True


def state(table: AccountTable, at_ns: int) -> tuple[int, int, int, int]:
    return tuple(BudgetState.read(table, LINE, at_ns))  # type: ignore[return-value] # of four


@pytest.mark.parametrize(
    "period", [HOURLY, calendar("yearly", "Asia/Tokyo"), rolling(90, "UTC"), rolling(60, "UTC", 4 * NOW)]
)
@pytest.mark.parametrize("shift", range(0, 256, 15))
def test_a_new_line_is_in_the_current_period(
    table: AccountTable, worker: HoldTable, period: Period, shift: int
) -> None:
    at_ns = NOW + shift * 60 * SECOND_NS
    bounds = period.bounds(at_ns)
    assert refresh(table, LINE, terms(period=period), at_ns) == bounds.end_ns
    assert unpack(table.load(LINE, BudgetWord.COMMITTED)) == (bounds.tag, 0)
    assert unpack(table.load(LINE, BudgetWord.SPENT)) == (bounds.tag, 0)
    assert state(table, at_ns) == (1_000, 0, 0, bounds.end_ns)
    assert spend(worker, 1_000, at_ns)
    assert not spend(worker, 1, bounds.end_ns - 1)
    assert state(table, at_ns) == (1_000, 1_000, 0, bounds.end_ns)
    following = period.bounds(bounds.end_ns)
    assert spend(worker, 999, bounds.end_ns), "workers go into the next periods by themselves"
    assert state(table, bounds.end_ns) == (1_000, 999, 0, following.end_ns)
    assert spend(worker, 998, following.end_ns)


def test_what_is_counted_in_a_living_line_stays(table: AccountTable, worker: HoldTable) -> None:
    refresh(table, LINE, terms(), NOW)
    assert spend(worker, 100, NOW)
    slot = reserve(worker, 200, NOW)
    assert slot is not None
    before = [table.load(LINE, word) for word in range(16)]
    refresh(table, LINE, terms(), NOW + 1)
    assert [table.load(LINE, word) for word in range(16)] == before
    refresh(table, LINE, terms(limit=250), NOW + 1)
    assert state(table, NOW)[:3] == (250, 100, 200)
    assert reserve(worker, 1, NOW) is None
    worker.settling(slot)
    worker.settle(slot, 50)
    assert state(table, NOW)[:3] == (250, 150, 0)


def test_an_idle_line_is_brought_along_and_a_late_cost_stays_in_its_period(
    table: AccountTable, worker: HoldTable
) -> None:
    refresh(table, LINE, terms(), NOW)
    slot = reserve(worker, 700, NOW)
    assert slot is not None
    later = NOW + HOUR_NS
    refresh(table, LINE, terms(), later)
    assert state(table, later)[:3] == (1_000, 0, 0)
    worker.settling(slot)
    worker.settle(slot, 700)
    assert state(table, later)[:3] == (1_000, 0, 0)
    assert spend(worker, 1_000, later)


@given(
    hours=st.lists(st.integers(0, 700), min_size=1, max_size=8),
    amounts=st.lists(st.integers(1, 400), max_size=8),
)
def test_whatever_time_passes_the_line_counts_the_current_period(
    tmp_path_factory: pytest.TempPathFactory, hours: list[int], amounts: list[int]
) -> None:
    directory = tmp_path_factory.mktemp("placement")
    table = AccountTable(str(directory / "accounts"), True, 8)
    table.store(LINE, BudgetWord.ID, 77)
    table.store(LINE, BudgetWord.KIND, KIND_BUDGET)
    worker = HoldTable(str(directory / "holds"), table, True)
    at_ns, number, spent = NOW, 0, 0
    for index, passed in enumerate(hours):
        at_ns += passed * HOUR_NS
        due_ns = refresh(table, LINE, terms(), at_ns)
        bounds = HOURLY.bounds(at_ns)
        assert due_ns == bounds.end_ns
        if bounds.number != number:
            number, spent = bounds.number, 0
        for amount in amounts[index:]:
            fits = spent + amount <= 1_000
            assert spend(worker, amount, at_ns) == fits
            spent += amount if fits else 0
            assert state(table, at_ns) == (1_000, spent, 0, bounds.end_ns)
    worker.close()
    table.close()


@pytest.mark.parametrize("periods", [*range(1, 9), 127, 128, 129, 255, 256, 257, 260, 512])
def test_the_control_process_was_away(table: AccountTable, worker: HoldTable, periods: int) -> None:
    """Workers go on for three periods by themselves, and then stay in the last."""
    refresh(table, LINE, terms(), NOW)
    assert spend(worker, 600, NOW)
    later = NOW + periods * HOUR_NS
    assert spend(worker, 500, later)
    assert not spend(worker, 501, later)
    refresh(table, LINE, terms(), later)
    counted = 500 if periods <= 3 else 0
    assert state(table, later) == (1_000, counted, 0, HOURLY.bounds(later).end_ns)
    assert spend(worker, 1_000 - counted, later)
    assert not spend(worker, 1, later)


def test_a_period_is_not_lived_twice_when_the_clock_is_put_back(
    table: AccountTable, worker: HoldTable
) -> None:
    refresh(table, LINE, terms(), NOW)
    ahead = NOW + HOUR_NS
    assert spend(worker, 600, ahead)
    assert refresh(table, LINE, terms(), NOW) == HOURLY.bounds(NOW).end_ns
    assert not spend(worker, 600, NOW), "it counts in the period that has begun"
    assert state(table, ahead) == (1_000, 600, 0, HOURLY.bounds(ahead).end_ns)
    assert spend(worker, 1_000, ahead + HOUR_NS)


def test_a_charge_without_a_hold_counts(table: AccountTable) -> None:
    refresh(table, LINE, terms(), NOW)
    assert budget.charge(table, LINE, 30, NOW)
    refresh(table, LINE, terms(), NOW)
    assert state(table, NOW)[1] == 30


def test_increases_end_one_after_the_other(table: AccountTable, worker: HoldTable) -> None:
    end = HOURLY.bounds(NOW).end_ns
    given = terms(
        1_000, HOURLY, Increase(100, NOW + 50, "a"), Increase(10, NOW + 90, "b"), Increase(1, NOW, "over")
    )
    assert refresh(table, LINE, given, NOW) == NOW + 50
    assert state(table, NOW)[0] == 1_110
    assert spend(worker, 1_110, NOW + 49)
    assert state(table, NOW + 50)[0] == 1_000, "too little for a moment, never too much"
    assert refresh(table, LINE, given, NOW + 50) == NOW + 90
    assert state(table, NOW + 50)[0] == 1_010
    assert refresh(table, LINE, given, NOW + 90) == end
    assert state(table, NOW + 90)[0] == 1_000
    assert refresh(table, LINE, terms(), NOW) == end
    assert table.load(LINE, BudgetWord.EXTRA) == table.load(LINE, BudgetWord.EXTRA_UNTIL) == 0
