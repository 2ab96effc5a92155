"""What fastgate._core.holds has to do, with objects in one process: nothing packed, nothing modulo 256."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

FREE, CLAIMED, RESERVING, RESERVED, SENT, SETTLING = range(6)


@dataclass
class Budget:
    """`ends` are the known ends of its periods, by number. The money is that of the period it is in."""

    owner: int
    limit: int
    ends: dict[int, int] = field(default_factory=dict)
    extra: int = 0
    extra_until: int = 0
    period: int = 0
    committed: int = 0
    spent: int = 0
    denials: int = 0

    def period_at(self, now_ns: int) -> int:
        period = self.period
        while period in self.ends and now_ns >= self.ends[period]:
            period += 1
        return period

    def begin_of(self, period: int) -> int:
        return self.ends.get(period - 1, 0)

    def roll(self, now_ns: int) -> None:
        period = self.period_at(now_ns)
        if period != self.period:
            self.period, self.committed, self.spent = period, 0, 0

    def limit_at(self, now_ns: int) -> int:
        return self.limit + (self.extra if now_ns < self.extra_until else 0)

    def left(self, now_ns: int) -> int:
        return self.limit_at(now_ns) - (self.committed if self.period_at(now_ns) == self.period else 0)

    def balance(self, now_ns: int) -> tuple[int, int, int]:
        """Limit, spent and reserved."""
        if self.period_at(now_ns) != self.period:
            return self.limit_at(now_ns), 0, 0
        return self.limit_at(now_ns), self.spent, self.committed - self.spent

    def charge(self, cost: int, at_ns: int) -> bool:
        self.roll(at_ns)
        if at_ns < self.begin_of(self.period):
            return False
        self.committed += cost
        self.spent += cost
        return True


@dataclass
class Slot:
    """`chain` is (budget, period) of what is held."""

    serial: int
    state: int = CLAIMED
    admitted_ns: int = 0
    amount: int = 0
    opening: bytes = b""
    chain: list[tuple[Budget, int]] = field(default_factory=list)
    gauges: list[tuple[int, int]] = field(default_factory=list)
    chunks: int = 0
    output_bytes: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class HoldTable:
    """`budgets` by line; a line without one has no owner. `gauges` is how many are in each (line, word)."""

    def __init__(self, budgets: dict[int, Budget], gauges: dict[tuple[int, int], int]) -> None:
        self._budgets = budgets
        self._gauges = gauges
        self._serials = count(1)
        self._numbers = count()
        self.slots: dict[int, Slot] = {}

    def claim(self) -> int:
        """Numbers of slots are arbitrary."""
        number = next(self._numbers)
        self.slots[number] = Slot(next(self._serials))
        return number

    def enter(self, slot: int, gauges: Sequence[tuple[int, int, int]]) -> int:
        entered: list[tuple[int, int]] = []
        for i, (line, word, cap) in enumerate(gauges):
            if self._gauges.get((line, word), 0) >= cap:
                self._leave(entered)
                return i
            entered.append((line, word))
            self._gauges[line, word] = self._gauges.get((line, word), 0) + 1
        self.slots[slot].gauges += entered
        return -1

    def _leave(self, gauges: list[tuple[int, int]]) -> None:
        for gauge in gauges:
            self._gauges[gauge] -= 1

    def reserve(self, slot: int, lines: Sequence[int], amount: int, now_ns: int, opening: bytes) -> int:
        held: list[Budget] = []
        early = True
        while early:
            early = False
            for i, line in enumerate(lines):
                budget = self._budgets.get(line)
                if budget is None:
                    continue
                if now_ns < budget.begin_of(budget.period):
                    now_ns, early = budget.begin_of(budget.period), True
                elif amount > budget.left(now_ns):
                    budget.denials += 1
                else:
                    budget.roll(now_ns)
                    budget.committed += amount
                    held.append(budget)
                    continue
                for other in held:
                    other.committed -= amount
                held.clear()
                if not early:
                    return i
                break
        here = self.slots[slot]
        self.slots[slot] = Slot(here.serial, RESERVED, now_ns, amount, opening, gauges=here.gauges)
        self.slots[slot].chain = [(budget, budget.period) for budget in held]
        return -1

    def sent(self, slot: int) -> None:
        self.slots[slot].state = SENT

    def progress(self, slot: int, chunks: int, output_bytes: int) -> None:
        self.slots[slot].chunks += chunks
        self.slots[slot].output_bytes += output_bytes

    def reported(self, slot: int, input_tokens: int, output_tokens: int) -> None:
        self.slots[slot].input_tokens = input_tokens
        self.slots[slot].output_tokens = output_tokens

    def release(self, slot: int) -> None:
        self._give_back(slot)
        self.slots[slot].state = CLAIMED

    def settling(self, slot: int) -> None:
        self.slots[slot].state = SETTLING

    def settle(self, slot: int, cost: int) -> None:
        here = self.slots[slot]
        for budget, period in here.chain:
            if budget.period == period:
                budget.committed += cost - here.amount
                budget.spent += cost
        here.chain, here.state, here.serial = [], CLAIMED, next(self._serials)

    def free(self, slot: int) -> None:
        self._give_back(slot)
        self._leave(self.slots.pop(slot).gauges)

    def _give_back(self, slot: int) -> None:
        here = self.slots[slot]
        for budget, period in here.chain:
            if budget.period == period:
                budget.committed -= here.amount
        here.chain = []
