"""What each budget has spent in its period by the ledger, which its counters are compared with."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from fastgate._core import holds
from fastgate._core.accounts import AccountTable
from fastgate.budgets.periods import Period
from fastgate.budgets.state import pack, unpack
from fastgate.domain.account import BudgetWord, Level, Owner
from fastgate.domain.entry import Entry, Opening

MAX_MODELS: Final = 10_000


class Balance:
    """One budget. `spent` is of the period from `start_ns` to `end_ns`; `number` is the period's, `word` how
    the configuration calls it. `soft` are thousandths of `limit`."""

    __slots__ = (
        "account",
        "end_ns",
        "limit",
        "line",
        "number",
        "owner",
        "period",
        "soft",
        "spent",
        "start_ns",
        "word",
    )

    def __init__(self, line: int, account: int, owner: Owner, period: Period, at_ns: int) -> None:
        self.line = line
        self.account = account
        self.owner = owner
        self.period = period
        self.word = ""
        self.limit = 0
        self.soft: tuple[int, ...] = ()
        self.spent = 0
        self.start_ns, self.end_ns, self.number = period.bounds(at_ns)

    def roll(self, at_ns: int) -> None:
        """Into the period that `at_ns` is in, unless it is an earlier one."""
        if at_ns >= self.end_ns:
            self.spent = 0
            self.start_ns, self.end_ns, self.number = self.period.bounds(at_ns)


class Passed(NamedTuple):
    """A soft limit, by what was spent."""

    balance: Balance
    thousandths: int


class Difference(NamedTuple):
    """What the counters of a budget said, and what is right: nano-USD."""

    owner: Owner
    spent: int
    right_spent: int
    reserved: int
    right_reserved: int


class InFlight(NamedTuple):
    """What undrained journals and holds say of a budget at one moment. `unsettled`: a worker is just
    changing its counters, so nothing can be said."""

    spent: int
    reserved: int
    unsettled: bool


class Balances:
    """Of all budgets that are placed. Not thread-safe: the bookkeeper's lock is held around it."""

    def __init__(self, accounts: AccountTable) -> None:
        self._accounts = accounts
        self.by_line: dict[int, Balance] = {}
        self._by_owner: dict[tuple[Level, str], list[Balance]] = {}
        self._tags: list[tuple[frozenset[str], Balance]] = []
        self._models: list[Balance] = []
        self._of_model: dict[str, list[Balance]] = {}

    def install(self, balances: Iterable[Balance]) -> None:
        """In the place of those that were there."""
        self.by_line = {}
        self._by_owner, self._tags, self._models, self._of_model = {}, [], [], {}
        for balance in balances:
            self.by_line[balance.line] = balance
            match balance.owner.level:
                case Level.TAG:
                    self._tags.append((frozenset(balance.owner.name.split(",")), balance))
                case Level.MODEL:
                    self._models.append(balance)
                case level:
                    self._by_owner.setdefault((level, balance.owner.name), []).append(balance)

    def of(self, opening: Opening) -> list[Balance]:
        """Those that a call counts in, whatever was charged."""
        names = [
            (Level.VIRTUAL_KEY, opening.virtual_key),
            *((Level.TEAM, team) for team in opening.teams),
            (Level.CUSTOMER, opening.customer),
            (Level.PROVIDER, opening.provider),
            (Level.GATEWAY, ""),
        ]
        found = [balance for name in names for balance in self._by_owner.get(name, ())]
        found += self._models_of(opening.public_model)
        if self._tags:
            tags = {f"{name}={value}" for name, value in opening.tags.items()}
            found += [balance for wanted, balance in self._tags if wanted <= tags]
        return found

    def _models_of(self, model: str) -> list[Balance]:
        found = self._of_model.get(model)
        if found is None:
            if len(self._of_model) >= MAX_MODELS:
                self._of_model.clear()
            name = model.lower()
            found = [each for each in self._models if fnmatchcase(name, each.owner.name.lower())]
            self._of_model[model] = found
        return found

    def add(self, entry: Entry) -> list[Passed]:
        """An entry that the ledger now has; the soft limits that it passed. A budget that its worker did not
        know yet is charged here."""
        closing = entry.closing
        passed: list[Passed] = []
        for balance in self.of(entry.opening):
            balance.roll(closing.admitted_ns)
            if closing.admitted_ns >= balance.start_ns:
                before, balance.spent = balance.spent, balance.spent + closing.cost
                passed += [
                    Passed(balance, thousandths)
                    for thousandths in balance.soft
                    if before * 1_000 < thousandths * balance.limit <= balance.spent * 1_000
                ]
            if balance.account not in closing.charged:
                holds.charge(self._accounts, balance.line, closing.cost, closing.admitted_ns)
        return passed

    def check(
        self, balance: Balance, now_ns: int, in_flight: Callable[[Balance], InFlight]
    ) -> Difference | None:
        """Compare, and put right what differs. LookupError: a call was held or settled meanwhile, so that
        nothing can be said now."""
        load, line = self._accounts.load, balance.line
        operations = load(line, BudgetWord.OPS)
        holds.roll(self._accounts, line, now_ns)
        balance.roll(now_ns)
        seen = in_flight(balance)
        spent_word, committed_word = load(line, BudgetWord.SPENT), load(line, BudgetWord.COMMITTED)
        if seen.unsettled or load(line, BudgetWord.OPS) != operations:
            raise LookupError("the budget is in use")
        tag, committed = unpack(committed_word)
        spent_tag, spent = unpack(spent_word)
        if tag != balance.number & 0xFF:
            raise LookupError("the period has just changed")
        if spent_tag != tag:
            spent = 0
        right_spent = balance.spent + seen.spent
        if spent == right_spent and committed == right_spent + seen.reserved:
            return None
        difference = Difference(balance.owner, spent, right_spent, committed - spent, seen.reserved)
        swap = self._accounts.compare_exchange
        if swap(line, BudgetWord.COMMITTED, committed_word, pack(tag, right_spent + seen.reserved)):
            swap(line, BudgetWord.SPENT, spent_word, pack(tag, right_spent))
            return difference
        raise LookupError("the budget is in use")
