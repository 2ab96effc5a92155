import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.core import lines, money_processes
from tests.core.conftest import Spawn
from tests.reference import bucket as reference

from fastgate._core.accounts import AccountTable
from fastgate._core.bucket import LimitSet
from fastgate.domain.account import BudgetWord, Measure

SECOND = 10**9
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
NOW = 10**15
LIMITS_LINE, OTHER_LINE, BUDGET_LINE, NOBODYS_LINE = range(4)

Limit = tuple[int, int, int, int]  # measure, amount, period_ns, burst

# Amounts that do not divide their periods, and the extremes.
LIMITS: st.SearchStrategy[Limit] = st.tuples(
    st.integers(0, 3),
    st.integers(1, 20) | st.sampled_from([601, 1_999_999, (1 << 62) - 1]),
    st.sampled_from([1, 7, SECOND, MINUTE, DAY]),
    st.integers(1, 20) | st.sampled_from([601, 1_999_999]),
).filter(lambda limit: limit[3] * limit[2] // limit[1] < 1 << 61)
UNITS = st.integers(0, 8) | st.sampled_from([601, 1_000_000, (1 << 62) - 1])
NS = st.integers(0, 3) | st.integers(0, SECOND) | st.sampled_from([MINUTE, DAY])


def make_table(path: str) -> AccountTable:
    table = AccountTable(path, True, 4)
    for line in (LIMITS_LINE, OTHER_LINE):
        lines.place_limits(table, line, 100 + line)
    lines.place_budget(table, BUDGET_LINE, 102, 100)
    return table


def limit_set(table: AccountTable, *limits: Limit) -> LimitSet:
    """Each on a cell of its own."""
    return LimitSet(table, tuple((i % 2, 2 + i, *limit) for i, limit in enumerate(limits)))


@pytest.fixture
def table(tmp_path: Path) -> Iterator[AccountTable]:
    table = make_table(str(tmp_path / "accounts"))
    yield table
    table.close()


class Limits(RuleBasedStateMachine):
    """Two mappings of one file and the oracle do the same."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[AccountTable] = []
        self.now_ns = NOW
        self.begin([(0, 7, MINUTE, 3), (3, 1_000, MINUTE, 1_500)])

    @rule(limits=st.lists(LIMITS, max_size=5))
    def another_chain(self, limits: list[Limit]) -> None:
        self.begin(limits)

    def begin(self, limits: list[Limit]) -> None:
        self.teardown()
        self.directory = tempfile.TemporaryDirectory()
        path = f"{self.directory.name}/accounts"
        self.tables = [make_table(path), AccountTable(path, False)]
        self.sets = [limit_set(table, *limits) for table in self.tables]
        self.oracle = reference.LimitSet(limits)

    def teardown(self) -> None:
        if self.tables:
            for table in self.tables:
                table.close()
            self.directory.cleanup()

    @rule(ns=NS)
    def time_passes(self, ns: int) -> None:
        self.now_ns += ns

    @rule(side=st.integers(0, 1), requests=UNITS, input_tokens=UNITS, output_tokens=UNITS)
    def take(self, side: int, requests: int, input_tokens: int, output_tokens: int) -> None:
        units = (requests, input_tokens, output_tokens)
        limiter = self.sets[side]
        index = limiter.take(*units, self.now_ns)
        assert index == self.oracle.take(*units, self.now_ns)
        if index >= 0:
            assert limiter.wait_ns == self.oracle.wait_ns

    @rule(side=st.integers(0, 1), requests=UNITS, input_tokens=UNITS, output_tokens=UNITS)
    def take_and_give_back(self, side: int, requests: int, input_tokens: int, output_tokens: int) -> None:
        units = (requests, input_tokens, output_tokens)
        if self.sets[side].take(*units, self.now_ns) == -1:
            self.sets[1 - side].give_back(*units)
            assert self.oracle.take(*units, self.now_ns) == -1
            self.oracle.give_back(*units)

    @rule(side=st.integers(0, 1), input_delta=st.integers(-50, 50), output_delta=st.integers(-50, 50))
    def correct(self, side: int, input_delta: int, output_delta: int) -> None:
        self.sets[side].correct(input_delta, output_delta, self.now_ns)
        self.oracle.correct(input_delta, output_delta, self.now_ns)

    @invariant()
    def same(self) -> None:
        for limiter in self.sets:
            assert limiter.count == len(self.oracle.limits)
            for index in range(limiter.count):
                for call in ("remaining", "reset_ns"):
                    assert getattr(limiter, call)(index, self.now_ns) == getattr(self.oracle, call)(
                        index, self.now_ns
                    )
            indexes = tuple(range(limiter.count))
            if indexes:
                assert limiter.tightest(indexes, self.now_ns) == self.oracle.tightest(indexes, self.now_ns)


Limits.TestCase.settings = settings(stateful_step_count=40)
test_against_the_oracle = Limits.TestCase


def most_beyond(events: list[tuple[int, int]], amount: int, period_ns: int, burst: int) -> Fraction:
    """Of all windows of (time, units), by how much the fullest is above burst + rate * t; negative: never."""
    rate = Fraction(amount, period_ns)
    worst = Fraction(-burst)
    before = total = 0
    lowest: Fraction | None = None
    for at_ns, units in sorted(events):
        begins = before - rate * at_ns
        lowest = begins if lowest is None else min(lowest, begins)
        total = before + units
        worst = max(worst, total - rate * at_ns - lowest - burst)
        before = total
    return worst


@given(
    limit=LIMITS,
    events=st.lists(st.tuples(NS, st.integers(1, 8) | st.sampled_from([601])), min_size=1, max_size=60),
)
def test_never_more_than_burst_and_rate(
    tmp_path_factory: pytest.TempPathFactory, limit: Limit, events: list[tuple[int, int]]
) -> None:
    table = make_table(str(tmp_path_factory.mktemp("bucket") / "accounts"))
    limiter = limit_set(table, limit)
    now_ns = NOW
    taken = []
    for ns, units in events:
        now_ns += ns
        demand = [0, 0, 0]
        demand[limit[0] % 3] = units  # of both kinds of tokens: as requests, which are none
        if limit[0] == Measure.TOKENS:
            demand = [0, units, 0]
        index = limiter.take(demand[0], demand[1], demand[2], now_ns)
        if index == 0 and limiter.wait_ns > 0:
            # Not a nanosecond too early, and no later.
            now_ns += limiter.wait_ns
            assert limiter.take(demand[0], demand[1], demand[2], now_ns - 1) == 0
            assert limiter.wait_ns == 1
            index = limiter.take(demand[0], demand[1], demand[2], now_ns)
            assert index == -1
        if index == -1:
            taken.append((now_ns, units))
        else:
            assert units > limit[3]
    assert most_beyond(taken, *limit[1:]) <= 0
    table.close()


def test_a_burst_then_the_rate(table: AccountTable) -> None:
    limiter = limit_set(table, (Measure.REQUESTS, 60, MINUTE, 10))
    assert limiter.remaining(0, NOW) == 10
    assert [limiter.take(1, 0, 0, NOW) for _ in range(11)] == [-1] * 10 + [0]
    assert (limiter.wait_ns, limiter.remaining(0, NOW), limiter.reset_ns(0, NOW)) == (SECOND, 0, 10 * SECOND)
    assert limiter.take(1, 0, 0, NOW + SECOND - 1) == 0
    assert limiter.wait_ns == 1
    assert limiter.take(1, 0, 0, NOW + SECOND) == -1
    assert limiter.remaining(0, NOW + 4 * SECOND) == 3
    assert (limiter.remaining(0, NOW + DAY), limiter.reset_ns(0, NOW + DAY)) == (10, 0)


def test_all_or_none_and_the_longest_wait(table: AccountTable) -> None:
    limiter = limit_set(
        table, (0, 60, MINUTE, 2), (3, 600, MINUTE, 100), (0, 24, DAY, 2), (2, 60, MINUTE, 1_000)
    )
    assert limiter.take(1, 40, 10, NOW) == -1
    assert limiter.take(1, 40, 11, NOW) == 1
    assert limiter.wait_ns == SECOND // 10
    assert limiter.take(1, 40, 10, NOW) == -1
    assert limiter.take(1, 40, 10, NOW) == 2, (
        "not the first that refuses: there is no use in coming back earlier"
    )
    assert limiter.wait_ns == 60 * MINUTE
    assert [limiter.remaining(i, NOW) for i in range(4)] == [0, 0, 0, 980]
    assert limiter.take(1, 0, 1_001, NOW) == 1, "what can never pass comes first"
    assert limiter.wait_ns == -1


def test_nothing_asked_nothing_refused(table: AccountTable) -> None:
    limiter = limit_set(table, (0, 1, DAY, 1), (3, 1, DAY, 1))
    assert limiter.take(1, 1, 0, NOW) == -1
    limiter.correct(0, 10**6, NOW)
    assert limiter.take(0, 0, 0, NOW) == -1
    assert limit_set(table).take(1, 1, 1, NOW) == -1


def test_corrections(table: AccountTable) -> None:
    limiter = limit_set(
        table, (1, 60, MINUTE, 100), (2, 60, MINUTE, 100), (3, 60, MINUTE, 1_000), (0, 60, MINUTE, 9)
    )
    assert limiter.take(1, 50, 50, NOW) == -1
    limiter.correct(-20, 30, NOW)
    assert [limiter.remaining(i, NOW) for i in range(4)] == [70, 20, 890, 8]
    limiter.correct(-1_000, 1_000, NOW)
    assert [limiter.remaining(i, NOW) for i in range(4)] == [100, 0, 890, 8]
    assert limiter.reset_ns(1, NOW) == 1_080 * SECOND
    assert limiter.take(1, 0, 1, NOW) == 1
    assert limiter.wait_ns == 981 * SECOND
    limiter.correct(0, (1 << 62) - 1, NOW)
    assert limiter.take(1, 0, 1, NOW + DAY) == 1
    assert limiter.wait_ns > 10**9 * SECOND


def test_the_same_cell_is_shared_by_chains(table: AccountTable) -> None:
    one, other = (LimitSet(table, ((LIMITS_LINE, 15, 0, 60, MINUTE, 3),)) for _ in range(2))
    assert [limiter.take(1, 0, 0, NOW) for limiter in (one, other, one, other)] == [-1, -1, -1, 0]
    other.give_back(1, 0, 0)
    assert one.take(1, 0, 0, NOW) == -1


def test_a_line_that_has_another_owner_by_now_is_left_alone(table: AccountTable) -> None:
    limiter = LimitSet(table, ((LIMITS_LINE, 2, 0, 1, DAY, 1), (NOBODYS_LINE, 2, 0, 1, DAY, 1)))
    assert limiter.take(1, 0, 0, NOW) == -1
    lines.place_budget(table, LIMITS_LINE, 999, 77)
    lines.place_limits(table, NOBODYS_LINE, 998)
    assert limiter.take(5, 0, 0, NOW) == -1
    limiter.correct(5, 5, NOW)
    limiter.give_back(5, 0, 0)
    assert (limiter.remaining(0, NOW), limiter.reset_ns(1, NOW)) == (1, 0)
    assert table.load(LIMITS_LINE, BudgetWord.LIMIT) == 77
    assert table.load(NOBODYS_LINE, 2) == 0


GOOD = (LIMITS_LINE, 2, 0, 60, MINUTE, 10)


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        ((4, *GOOD[1:]), IndexError),
        ((-1, *GOOD[1:]), IndexError),
        ((LIMITS_LINE, 1, *GOOD[2:]), IndexError),
        ((LIMITS_LINE, 16, *GOOD[2:]), IndexError),
        ((LIMITS_LINE, -3, *GOOD[2:]), IndexError),
        ((BUDGET_LINE, 3, *GOOD[2:]), ValueError),
        ((LIMITS_LINE, 2, 4, 60, MINUTE, 10), ValueError),
        ((LIMITS_LINE, 2, -1, 60, MINUTE, 10), ValueError),
        *(((LIMITS_LINE, 2, 0, bad, MINUTE, 10), ValueError) for bad in (0, -1, 1 << 62)),
        *(((LIMITS_LINE, 2, 0, 60, bad, 10), ValueError) for bad in (0, -1, 1 << 62)),
        *(((LIMITS_LINE, 2, 0, 60, MINUTE, bad), ValueError) for bad in (0, -1, 1 << 62)),
        ((LIMITS_LINE, 2, 0, 1, DAY, 10**6), ValueError),  # more than a century
        ((LIMITS_LINE, 2, 0, 60, MINUTE, 1 << 64), OverflowError),
        (GOOD[:5], ValueError),
        ("limits", TypeError),
        (None, TypeError),
    ],
)
def test_limits_that_cannot_be(table: AccountTable, limit: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        LimitSet(table, (GOOD, limit))


def test_bad_arguments_change_nothing(table: AccountTable) -> None:
    limiter = limit_set(table, (0, 60, MINUTE, 10), (3, 60, MINUTE, 10))
    beyond = 1 << 62
    calls: list[Callable[[], object]] = [
        *(lambda bad=bad: limiter.take(bad, 0, 0, NOW) for bad in (-1, beyond, -beyond * 2)),
        lambda: limiter.take(0, -1, 5, NOW),
        lambda: limiter.take(0, 5, -1, NOW),
        *(lambda bad=bad: limiter.take(1, 1, 1, bad) for bad in (-1, beyond)),
        lambda: limiter.give_back(-1, 0, 0),
        lambda: limiter.give_back(0, 0, beyond),
        *(lambda bad=bad: limiter.correct(bad, 0, NOW) for bad in (beyond, -beyond - 1, -beyond * 2)),
        lambda: limiter.correct(0, beyond, NOW),
        lambda: limiter.correct(0, 1, -1),
        lambda: limiter.remaining(0, -1),
        lambda: limiter.reset_ns(0, beyond),
        lambda: limiter.tightest((0,), -1),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="beyond"):
            call()
    for index in (-1, 2):
        with pytest.raises(IndexError):
            limiter.remaining(index, NOW)
        with pytest.raises(IndexError):
            limiter.reset_ns(index, NOW)
        with pytest.raises(IndexError):
            limiter.tightest((0, index), NOW)
    with pytest.raises(ValueError, match="none"):
        limiter.tightest((), NOW)
    assert [limiter.remaining(i, NOW) for i in range(2)] == [10, 10]


def test_closed_accounts_refuse(table: AccountTable) -> None:
    limiter = limit_set(table, (0, 60, MINUTE, 10))
    table.close()
    calls: list[Callable[[], object]] = [
        lambda: limiter.take(1, 0, 0, NOW),
        lambda: limiter.give_back(1, 0, 0),
        lambda: limiter.correct(1, 0, NOW),
        lambda: limiter.remaining(0, NOW),
        lambda: limiter.reset_ns(0, NOW),
        lambda: limiter.tightest((0,), NOW),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()


@given(
    limit=LIMITS,
    words=st.tuples(
        st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 100),
        st.integers(0, (1 << 62) - 1) | st.integers(0, 100),
    ),
    units=st.integers(0, (1 << 62) - 1) | st.integers(0, 30),
    delta=st.integers(-(1 << 62) + 1, (1 << 62) - 1),
)
def test_any_content_of_a_cell_is_survived(
    tmp_path_factory: pytest.TempPathFactory, limit: Limit, words: tuple[int, int], units: int, delta: int
) -> None:
    cell, now_ns = words
    table = make_table(str(tmp_path_factory.mktemp("bucket") / "accounts"))
    limiter = limit_set(table, limit)
    calls: list[Callable[[], object]] = [
        lambda: limiter.take(units, units, units, now_ns),
        lambda: limiter.give_back(units, units, units),
        lambda: limiter.correct(delta, delta, now_ns),
    ]
    for call in calls:
        table.store(LIMITS_LINE, 2, cell)
        call()
        assert 0 <= limiter.remaining(0, now_ns) <= limit[3]
        assert 0 <= limiter.reset_ns(0, now_ns) <= 1 << 62
    table.close()


@pytest.mark.parametrize(
    "limit", [(0, 7_000, SECOND, 40), (1, 999_983, SECOND, 20_000), (3, 6_000_000, MINUTE, 77)]
)
def test_several_processes_never_take_more(tmp_path: Path, spawn: Spawn, limit: Limit) -> None:
    """By the real clock, that each reads at its own moments. The other limit is never in the way."""
    path = tmp_path / "accounts"
    make_table(str(path)).close()
    units = 1 if limit[0] == Measure.REQUESTS else 7
    chain = f"{OTHER_LINE},3,0,10000000,{SECOND},1000000 {LIMITS_LINE},2,{','.join(map(str, limit))}"
    workers = [spawn(money_processes.take_for, path, chain, units, SECOND // 2) for _ in range(4)]
    for worker in workers:
        worker.start()
    events: list[tuple[int, int]] = []
    for worker in workers:
        taken = worker.result()
        assert isinstance(taken, list)
        events += [(at_ns, units) for at_ns in taken]
    assert sum(number for _, number in events) > limit[3]
    assert most_beyond(events, *limit[1:]) <= 0


def test_several_processes_take_all_that_there_is(tmp_path: Path, spawn: Spawn) -> None:
    """By a clock that stands still until nothing is left; two limits, that they come upon in either order."""
    table = make_table(str(tmp_path / "accounts"))
    one, other = (f"{line},2,0,1000,{SECOND},20" for line in (LIMITS_LINE, OTHER_LINE))
    table.header_store(0, NOW)
    workers = [
        spawn(money_processes.take_by_the_header, tmp_path / "accounts", NOBODYS_LINE, NOW, 100_000, chain)
        for chain in (f"{one} {other}", f"{other} {one}") * 2
    ]
    for worker in workers:
        worker.start()
    taken = [worker.result() for worker in workers]
    assert sum(number for number in taken if isinstance(number, int)) == table.load(NOBODYS_LINE, 7)
    table.close()
