"""Two workers, a control process and the plain model do the same, whatever happens in which order."""

import tempfile
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.core import lines
from tests.reference import holds as reference

from fastgate._core.accounts import AccountTable
from fastgate._core.budget import balance, charge, roll, room
from fastgate._core.holds import FREE, HoldTable
from fastgate.domain.account import BudgetWord

BUDGETS = 5
LIMITS = (5, 6)  # lines of limits, with gauges
PERIODS_NS = (100, 130, 700, 1_000, 10**12)
FIRST_PERIOD = 254  # tags are its numbers modulo 256
START_NS = 10**6
MAX_AMOUNT = (1 << 56) - 1


class Call(NamedTuple):
    chain: list[int]
    amount: int
    behind_ns: int
    opening: bytes


CALLS = st.builds(
    Call,
    st.lists(st.integers(0, BUDGETS - 1), unique=True, max_size=BUDGETS),
    st.integers(0, 40) | st.integers(0, 40) | st.integers(0, 100) | st.just(MAX_AMOUNT),
    st.integers(0, 150),
    st.binary(max_size=20),
)
COSTS = st.integers(0, 60)
GAUGES = st.lists(
    st.tuples(st.sampled_from(LIMITS), st.integers(2, 4), st.integers(-1, 4)),
    max_size=3,
    unique_by=lambda g: g[:2],
)
SIDES = st.integers(0, 1)


class Money(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = f"{self.directory.name}/accounts"
        self.control = AccountTable(self.path, True, 7)
        self.accounts = [AccountTable(self.path, False) for _ in range(2)]
        self.budgets: dict[int, reference.Budget] = {}
        self.gauges: dict[tuple[int, int], int] = {}
        self.now_ns = START_NS
        self.owners = iter(range((1 << 64) - 1, 0, -1))  # ids are unsigned
        # By worker:
        self.tables: list[HoldTable] = []
        self.paths: list[str] = []
        self.oracles: list[reference.HoldTable] = []
        self.slots: list[dict[int, int]] = []  # of the table -> of the oracle
        self.lives = 0
        for line in range(BUDGETS):
            self.place(line, 100)
        for line in LIMITS:
            lines.place_limits(self.control, line, 1_000 + line)
        for side in range(2):
            self.live(side)

    def teardown(self) -> None:
        for table in self.tables:
            table.close()
        for accounts in (*self.accounts, self.control):
            accounts.close()
        self.directory.cleanup()

    # --- what the control process does ---------------------------------------------------------------

    def place(self, line: int, limit: int) -> None:
        owner = next(self.owners)
        period = FIRST_PERIOD + line
        lines.place_budget(self.control, line, owner, limit, period)
        self.budgets[line] = reference.Budget(owner, limit, period=period)
        self.write_ends(line, 2)

    def write_ends(self, line: int, ahead: int) -> None:
        budget = self.budgets[line]
        # The line's periods are all alike, and it has been placed in its first one.
        for period in range(budget.period, budget.period + ahead):
            end_ns = START_NS + (period - FIRST_PERIOD - line + 1) * PERIODS_NS[line]
            budget.ends[period] = end_ns
            lines.end_period(self.control, line, period, end_ns)

    @rule(ns=st.integers(0, 60) | st.sampled_from([100, 130, 250]))
    def time_passes(self, ns: int) -> None:
        self.now_ns += ns

    @rule(ahead=st.integers(0, 3))
    def tend(self, ahead: int) -> None:
        for line, budget in self.budgets.items():
            roll(self.control, line, self.now_ns)
            budget.roll(self.now_ns)
            assert lines.amount(self.control, line, BudgetWord.SPENT) == (budget.period & 255, budget.spent)
            self.write_ends(line, ahead)

    @rule(line=st.integers(0, BUDGETS - 1), limit=st.integers(0, 300))
    def set_limit(self, line: int, limit: int) -> None:
        if line in self.budgets:
            self.control.store(line, BudgetWord.LIMIT, limit)
            self.budgets[line].limit = limit

    @rule(line=st.integers(0, BUDGETS - 1), extra=st.integers(0, 50), ns=st.integers(0, 500))
    def increase_for_a_while(self, line: int, extra: int, ns: int) -> None:
        if line in self.budgets:
            self.control.store(line, BudgetWord.EXTRA, extra)
            self.control.store(line, BudgetWord.EXTRA_UNTIL, self.now_ns + ns)
            self.budgets[line].extra, self.budgets[line].extra_until = extra, self.now_ns + ns

    @rule(line=st.integers(0, BUDGETS - 1))
    def delete_or_place(self, line: int) -> None:
        if line in self.budgets:
            self.control.store(line, BudgetWord.ID, 0)
            del self.budgets[line]
        else:
            self.place(line, 80)

    @rule(line=st.integers(0, BUDGETS - 1), cost=COSTS, late_ns=st.integers(0, 300))
    def charge_without_a_hold(self, line: int, cost: int, late_ns: int) -> None:
        at_ns = self.now_ns - late_ns
        budget = self.budgets.get(line)
        assert charge(self.control, line, cost, at_ns) == (budget is not None and budget.charge(cost, at_ns))

    # --- what a worker does --------------------------------------------------------------------------

    def live(self, side: int) -> None:
        """A worker begins, with a table of its own."""
        self.lives += 1
        path = f"{self.directory.name}/{self.lives}"
        self.paths[side : side + 1] = [path]
        self.tables[side : side + 1] = [HoldTable(path, self.accounts[side], True)]
        self.oracles[side : side + 1] = [reference.HoldTable(self.budgets, self.gauges)]
        self.slots[side : side + 1] = [{}]

    def one_in(
        self, data: st.DataObject, *states: int
    ) -> tuple[int, HoldTable, int, reference.HoldTable, int]:
        """A slot in one of the states: its side, and where it is in the table and in the oracle."""
        found = [
            (side, self.tables[side], slot, self.oracles[side], other)
            for side in range(2)
            for slot, other in self.slots[side].items()
            if self.oracles[side].slots[other].state in states
        ]
        return data.draw(st.sampled_from(found))

    def has(self, *states: int) -> bool:
        return any(slot.state in states for oracle in self.oracles for slot in oracle.slots.values())

    def claim(self, side: int) -> int:
        slot = self.tables[side].claim()
        assert slot not in self.slots[side]
        self.slots[side][slot] = self.oracles[side].claim()
        return slot

    @rule(side=SIDES, call=CALLS)
    def begin(self, side: int, call: Call) -> None:
        self.reserve(side, self.claim(side), call)

    @precondition(lambda self: self.has(reference.CLAIMED))
    @rule(data=st.data(), gauges=GAUGES)
    def enter(self, data: st.DataObject, gauges: list[tuple[int, int, int]]) -> None:
        _, table, slot, oracle, other = self.one_in(data, reference.CLAIMED)
        if len(oracle.slots[other].gauges) + len(gauges) > 24:
            return
        assert table.enter(slot, lines.packed_gauges(gauges)) == oracle.enter(other, gauges)

    @precondition(lambda self: self.has(reference.CLAIMED))
    @rule(data=st.data(), call=CALLS)
    def try_again(self, data: st.DataObject, call: Call) -> None:
        side, _, slot, _, _ = self.one_in(data, reference.CLAIMED)
        self.reserve(side, slot, call)

    def reserve(self, side: int, slot: int, call: Call) -> None:
        now_ns = self.now_ns - call.behind_ns  # one's clock is behind the other's
        chain, amount, opening = call.chain, call.amount, call.opening
        assert self.tables[side].reserve(slot, lines.packed(chain), amount, now_ns, opening) == self.oracles[
            side
        ].reserve(self.slots[side][slot], chain, amount, now_ns, opening)

    @precondition(lambda self: self.has(reference.RESERVED))
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        _, table, slot, oracle, other = self.one_in(data, reference.RESERVED)
        table.sent(slot)
        oracle.sent(other)

    @precondition(lambda self: self.has(reference.SENT))
    @rule(data=st.data(), chunks=st.integers(0, 3), size=st.integers(0, 500), tokens=st.integers(0, 9))
    def deliver(self, data: st.DataObject, chunks: int, size: int, tokens: int) -> None:
        _, table, slot, oracle, other = self.one_in(data, reference.SENT)
        table.progress(slot, chunks, size)
        oracle.progress(other, chunks, size)
        table.reported(slot, tokens, size)
        oracle.reported(other, tokens, size)

    @precondition(lambda self: self.has(reference.RESERVED, reference.SENT))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        _, table, slot, oracle, other = self.one_in(data, reference.RESERVED, reference.SENT)
        table.release(slot)
        oracle.release(other)

    @precondition(lambda self: self.has(reference.RESERVED, reference.SENT))
    @rule(data=st.data())
    def begin_to_settle(self, data: st.DataObject) -> None:
        _, table, slot, oracle, other = self.one_in(data, reference.RESERVED, reference.SENT)
        table.settling(slot)
        oracle.settling(other)

    @precondition(lambda self: self.has(reference.SETTLING))
    @rule(data=st.data(), cost=COSTS)
    def settle(self, data: st.DataObject, cost: int) -> None:
        _, table, slot, oracle, other = self.one_in(data, reference.SETTLING)
        table.settle(slot, cost)
        oracle.settle(other, cost)

    @precondition(lambda self: any(self.slots))
    @rule(data=st.data())
    def free(self, data: st.DataObject) -> None:
        side, table, slot, oracle, other = self.one_in(
            data, reference.CLAIMED, reference.RESERVED, reference.SENT, reference.SETTLING
        )
        table.free(slot)
        oracle.free(other)
        del self.slots[side][slot]

    @rule(side=SIDES, cost=COSTS)
    def crash(self, side: int, cost: int) -> None:
        """The worker is gone: the control process settles what was sent, and gives back the rest."""
        oracle, slots = self.oracles[side], self.slots[side]
        left = HoldTable(self.paths[side], self.control, False)
        assert sorted(left.slots()) == sorted(slots)
        for slot, other in slots.items():
            if left.state(slot) in (reference.SENT, reference.SETTLING):
                left.settling(slot)
                oracle.settling(other)
                left.settle(slot, cost)
                oracle.settle(other, cost)
            left.free(slot)
            oracle.free(other)
        assert left.in_use == 0
        left.close()
        self.tables[side].close()
        self.live(side)

    # --- what must be so at any time -----------------------------------------------------------------

    @invariant()
    def budgets_are_the_same(self) -> None:
        for line, budget in self.budgets.items():
            tag, committed = lines.amount(self.control, line, BudgetWord.COMMITTED)
            assert (tag, committed) == (budget.period & 255, budget.committed)
            tag, spent = lines.amount(self.control, line, BudgetWord.SPENT)
            assert (spent if tag == budget.period & 255 else 0) == budget.spent
            assert self.control.load(line, BudgetWord.DENIALS) == budget.denials
            assert room(self.accounts[0], lines.packed([line]), self.now_ns) == max(
                budget.left(self.now_ns), 0
            )
            assert balance(self.accounts[1], line, self.now_ns)[:3] == budget.balance(self.now_ns)

    @invariant()
    def gauges_are_the_same(self) -> None:
        for line in LIMITS:
            for word in range(2, 16):
                assert self.control.load(line, word) == self.gauges.get((line, word), 0)

    @invariant()
    def holds_are_the_same(self) -> None:
        for table, oracle, slots in zip(self.tables, self.oracles, self.slots, strict=True):
            assert table.in_use == len(slots)
            held = [slot for slot in oracle.slots.values() if slot.state != reference.CLAIMED]
            assert table.held == len(held)
            assert table.opening_bytes == sum(len(slot.opening) for slot in held)
            assert sorted(table.slots()) == sorted(slots)
            for slot, other in slots.items():
                self.same_hold(table, slot, oracle.slots[other])

    def same_hold(self, table: HoldTable, slot: int, expected: reference.Slot) -> None:
        hold = table.read(slot)
        assert (hold.serial, hold.state) == (expected.serial, expected.state)
        assert hold.serial == table.serial(slot)
        assert hold.gauges == tuple(expected.gauges)
        assert hold.entered == len(hold.gauges)
        assert not hold.line_uncertain
        assert not hold.gauge_uncertain
        assert table.state(slot) == expected.state != FREE
        assert hold.accounts == table.charged(slot) == tuple(budget.owner for budget, _ in expected.chain)
        assert hold.tags == tuple(period & 255 for _, period in expected.chain)
        assert hold.held == len(hold.lines) == len(hold.tags)
        if expected.state == reference.CLAIMED:
            assert hold.opening == b""
            return
        assert hold.admitted_ns == table.admitted_ns(slot) == expected.admitted_ns
        assert (hold.amount, hold.opening) == (expected.amount, expected.opening)
        assert (hold.chunks, hold.output_bytes) == (expected.chunks, expected.output_bytes)
        assert (hold.input_tokens, hold.output_tokens) == (expected.input_tokens, expected.output_tokens)


Money.TestCase.settings = settings(stateful_step_count=80, max_examples=2 * settings().max_examples)
test_against_the_model = Money.TestCase
