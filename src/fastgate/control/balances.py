"""What each budget has spent in its period by the ledger, which its counters are compared with."""

import heapq
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from fastgate._core import budget
from fastgate._core.accounts import AccountTable
from fastgate.budgets.periods import Period
from fastgate.domain.account import Level, Owner
from fastgate.domain.entry import Closing, Entry, Parties
from fastgate.domain.per_parties import PerParties
from fastgate.store.fullest import Fullest, Rest, Watched

MAX_MODELS: Final = 10_000

# Once, since looking one up in the enumeration takes as long as a call, and there may be 100,000 budgets.
_TAG: Final = Level.TAG
_MODEL: Final = Level.MODEL


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

    def spend(self, cost: int) -> "list[Passed]":
        """In its period; the soft limits that it passes by that."""
        before, self.spent = self.spent, self.spent + cost
        return [
            Passed(self, thousandths)
            for thousandths in self.soft
            if before * 1_000 < thousandths * self.limit <= self.spent * 1_000
        ]


class Passed(NamedTuple):
    """A soft limit, by what was spent."""

    balance: Balance
    thousandths: int


def _share(balance: Balance) -> int:
    """Millionths of the limit that are spent."""
    return balance.spent * 1_000_000 // max(balance.limit, 1)


class Balances:
    """Of all budgets that are placed. Not thread-safe: the bookkeeper's lock is held around it."""

    def __init__(self, accounts: AccountTable) -> None:
        self._accounts = accounts
        self.by_line: dict[int, Balance] = {}
        self._by_owner: dict[tuple[Level, str], list[Balance]] = {}
        self._tags: list[tuple[frozenset[str], Balance]] = []
        self._models: list[Balance] = []
        self._of_model: dict[str, list[Balance]] = {}
        self._of_parties = PerParties(self.of)

    def install(self, balances: Iterable[Balance]) -> None:
        """In the place of those that were there."""
        self.by_line = {}
        self._by_owner, self._tags, self._models, self._of_model = {}, [], [], {}
        self._of_parties.clear()
        for balance in balances:
            self.by_line[balance.line] = balance
            level, name = balance.owner.level, balance.owner.name
            if level is _TAG:
                self._tags.append((frozenset(name.split(",")), balance))
            elif level is _MODEL:
                self._models.append(balance)
            else:
                self._by_owner.setdefault((level, name), []).append(balance)

    def of(self, parties: Parties) -> list[Balance]:
        """Those that a call counts in, whatever was charged."""
        names = [
            (Level.VIRTUAL_KEY, parties.virtual_key),
            *((Level.TEAM, team) for team in parties.teams),
            (Level.CUSTOMER, parties.customer),
            (Level.PROVIDER, parties.provider),
            (Level.GATEWAY, ""),
        ]
        found = [balance for name in names for balance in self._by_owner.get(name, ())]
        found += self._models_of(parties.public_model)
        if self._tags:
            tags = {f"{name}={value}" for name, value in parties.tags.items()}
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

    def add(self, entries: Iterable[Entry]) -> list[Passed]:
        """What the ledger has now; the soft limits that were passed by it. A budget that a worker did not
        know yet is charged here."""
        alike: dict[tuple[int, tuple[int, ...]], list[Entry]] = {}
        for entry in entries:
            alike.setdefault((id(entry.opening.parties), entry.closing.charged), []).append(entry)
        passed: list[Passed] = []
        for (_, charged), found in alike.items():
            closings = [entry.closing for entry in found]
            balances = self._of_parties.of(found[0].opening.parties)
            for balance in balances:
                passed += _spent(balance, closings)
                if balance.account not in charged:
                    for closing in closings:
                        budget.charge(self._accounts, balance.line, closing.cost, closing.admitted_ns)
        return passed

    def fullest(self, count: int) -> Fullest:
        """The `count` budgets with the largest share spent, and the others by their level."""
        balances = self.by_line.values()
        chosen = heapq.nlargest(count, balances, key=_share)
        lines = {each.line for each in chosen}
        rest: dict[str, tuple[int, int]] = {}
        for each in balances:
            if each.line not in lines:
                limit, spent = rest.get(each.owner.level, (0, 0))
                rest[each.owner.level] = limit + each.limit, spent + each.spent
        return Fullest(
            tuple(Watched(each.line, each.owner.level, each.owner.name, each.word) for each in chosen),
            tuple(Rest(level, limit, spent) for level, (limit, spent) in rest.items()),
        )


def _spent(balance: Balance, closings: list[Closing]) -> list[Passed]:
    """Count them in, in the order in which they were settled."""
    admitted = [closing.admitted_ns for closing in closings]
    if balance.start_ns <= min(admitted) and max(admitted) < balance.end_ns:
        return balance.spend(sum(closing.cost for closing in closings))
    passed: list[Passed] = []
    for closing in closings:
        balance.roll(closing.admitted_ns)
        if closing.admitted_ns >= balance.start_ns:
            passed += balance.spend(closing.cost)
    return passed
