"""Compares the counters of budgets with the ledger while calls go on, and puts right what differs."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, NamedTuple

from fastgate import clock
from fastgate._core import holds as states
from fastgate._core.accounts import AccountTable
from fastgate._core.budget import roll
from fastgate._core.holds import Hold
from fastgate.budgets.state import pack, unpack
from fastgate.control.balances import Balance, Balances
from fastgate.domain.account import AMOUNT_MASK, BudgetWord
from fastgate.domain.entry import Closing
from fastgate.observability import log
from fastgate.observability.metrics import Metrics

_CHANGING: Final = frozenset({states.RESERVING, states.SETTLING})
_HELD: Final = frozenset({states.RESERVED, states.SENT})


class _Look(NamedTuple):
    """What was seen of a budget's line before journals and holds were."""

    balance: Balance
    operations: int


class Checker:
    """`undrained` are the closings that workers have journaled since the ledger was written last (LookupError
    where these are too many to look at: nothing is compared then), `holds` those of all workers. Call it
    under the lock that keeps the ledger as it is."""

    def __init__(
        self,
        accounts: AccountTable,
        balances: Balances,
        metrics: Metrics,
        undrained: Callable[[], Iterable[Closing]],
        *,
        holds: Callable[[], Iterable[Hold]],
    ) -> None:
        self._accounts = accounts
        self._balances = balances
        self._metrics = metrics
        self._undrained = undrained
        self._holds = holds
        self._suspects: set[int] = set()
        self._suspect_gauges: set[tuple[int, int]] = set()
        self._next = 0

    def suspect(self, line: int) -> None:
        """Its counters may be wrong: they are compared at the next `check`, until they agree."""
        self._suspects.add(line)

    def suspect_gauge(self, line: int, word: int) -> None:
        """The same of a count of concurrent requests."""
        self._suspect_gauges.add((line, word))

    def check(self, count: int) -> None:
        """Of the suspects, and of the next `count` budgets."""
        now_ns = clock.time_ns()
        looks = [self._look(balance, now_ns) for balance in self._chosen(count)]
        # In this order: what is journaled after the first look is held, or just changing, in the second.
        spent: dict[int, list[Closing]] = {}
        try:
            for closing in self._undrained():
                for account in closing.charged:
                    spent.setdefault(account, []).append(closing)
        except LookupError:
            return
        found = list(self._holds())
        by_line: dict[int, list[Hold]] = {}
        for hold in found:
            for line in hold.lines:
                by_line.setdefault(line, []).append(hold)
        for look in looks:
            line = look.balance.line
            if self._agrees(look, spent.get(look.balance.account, ()), by_line.get(line, ())):
                self._suspects.discard(line)
        self._suspect_gauges = {gauge for gauge in self._suspect_gauges if not self._recounted(gauge)}

    def _chosen(self, count: int) -> list[Balance]:
        by_line = self._balances.by_line
        lines = sorted(by_line)
        following = [line for line in lines if line >= self._next]
        chosen = list(islice(following or lines, count))
        self._next = chosen[-1] + 1 if chosen else 0
        self._suspects &= by_line.keys()
        return [by_line[line] for line in {*self._suspects, *chosen}]

    def _look(self, balance: Balance, now_ns: int) -> _Look:
        roll(self._accounts, balance.line, now_ns)
        balance.roll(now_ns)
        return _Look(balance, self._accounts.load(balance.line, BudgetWord.OPS))

    def _agrees(self, look: _Look, closings: Iterable[Closing], holds: Iterable[Hold]) -> bool:
        """False where nothing can be said, since a call is being held or settled."""
        balance = look.balance
        tag = balance.number & 0xFF
        reserved = 0
        for hold in holds:
            if hold.state in _CHANGING:
                return False
            if hold.state in _HELD and hold.tags[hold.lines.index(balance.line)] == tag:
                reserved += hold.amount
        spent = balance.spent + sum(
            closing.cost for closing in closings if balance.start_ns <= closing.admitted_ns < balance.end_ns
        )
        # As the counters do: a word has no room for more, whatever a provider reports.
        spent, right = min(spent, AMOUNT_MASK), min(spent + reserved, AMOUNT_MASK)
        load, line = self._accounts.load, balance.line
        committed_word, spent_word = load(line, BudgetWord.COMMITTED), load(line, BudgetWord.SPENT)
        if load(line, BudgetWord.OPS) != look.operations or unpack(committed_word)[0] != tag:
            return False
        counted_tag, counted = unpack(spent_word)
        counted = counted if counted_tag == tag else 0
        committed = unpack(committed_word)[1]
        if counted == spent and committed == right:
            return True
        swap = self._accounts.compare_exchange
        if not swap(line, BudgetWord.COMMITTED, committed_word, pack(tag, right)):
            return False
        swap(line, BudgetWord.SPENT, spent_word, pack(tag, spent))
        self._metrics.ledger_differences.labels().inc()
        log.event(
            "error",
            "the counters of a budget did not agree with the ledger, and were put right",
            budget=f"{balance.owner} {balance.word}",
            spent_nano_usd=counted,
            right_spent_nano_usd=spent,
            reserved_nano_usd=committed - counted,
            right_reserved_nano_usd=reserved,
        )
        return True

    def _recounted(self, gauge: tuple[int, int]) -> bool:
        """Set a count of concurrent requests to what the holds say. False where nothing can be said."""
        before = self._accounts.load(*gauge)
        found = list(self._holds())
        if any(hold.gauge_uncertain for hold in found):
            return False
        right = sum(gauge in hold.gauges[: hold.entered] for hold in found)
        return self._accounts.compare_exchange(*gauge, before, right)
