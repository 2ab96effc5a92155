"""Counters of budgets against the ledger and what the journals have beyond it, while calls go on.

A worker journals an entry before it settles the counters. So what was in a counter before the journals were
read is in the journals or the ledger, and what was in those is in the counter a moment later.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

import msgspec

from fastgate.domain.account import Level, Owner
from fastgate.domain.entry import Closing
from fastgate.domain.money import usd
from fastgate.ledger.audit_report import Check, Findings

_decode_teams: Final = msgspec.json.Decoder(tuple[str, ...]).decode
_decode_tags: Final = msgspec.json.Decoder(dict[str, str]).decode


class Counter(msgspec.Struct, frozen=True):
    """What a budget's line says at one moment. `account` is its id, unsigned; `spent` in nano-USD of the
    period from `start_ns` to `end_ns`."""

    account: int
    owner: Owner
    period: str
    start_ns: int
    end_ns: int
    spent: int


class CounterCheck:
    """Adds up what should be in the counters `before`: first what the journals have, then the ledger.

    An entry of the ledger counts for all budgets that it falls under: the control process charges those that
    its worker did not know yet. One in a journal counts for those that its worker charged.
    """

    def __init__(self, before: Iterable[Counter]) -> None:
        self._before = {counter.account: counter for counter in before}
        self._sums = dict.fromkeys(self._before, 0)
        self._read: dict[str, tuple[int, int]] = {}
        self._since_ns = min((counter.start_ns for counter in self._before.values()), default=None)
        self._owners: dict[tuple[Level, str], list[Counter]] = {}
        self._tags: list[tuple[frozenset[str], Counter]] = []
        self._models: list[tuple[str, Counter]] = []
        for counter in self._before.values():
            match counter.owner.level:
                case Level.TAG:
                    self._tags.append((frozenset(counter.owner.name.split(",")), counter))
                case Level.MODEL:
                    self._models.append((counter.owner.name.lower(), counter))
                case level:
                    self._owners.setdefault((level, counter.owner.name), []).append(counter)
        self.journaled = 0

    def journal(self, writer: str, sequence: int, closing: Closing) -> None:
        """An entry that was found in a journal. Those of one writer come in order."""
        first, _ = self._read.get(writer, (sequence, sequence))
        self._read[writer] = first, sequence
        self.journaled += 1
        charged = (self._before[account] for account in closing.charged if account in self._before)
        self._add(charged, closing.admitted_ns, closing.cost)

    def drained(self, row: Any) -> None:
        """A row of the ledger's entries. One that the journals had counts once. DecodeError: damaged."""
        if self._since_ns is None or row.admitted_ns < self._since_ns:
            return
        first, last = self._read.get(row.writer, (0, -1))
        if not first <= row.sequence <= last:
            self._add(self._under(row), row.admitted_ns, row.cost)

    def _under(self, row: Any) -> Iterator[Counter]:
        """The budgets that the entry falls under."""
        names = [
            (Level.VIRTUAL_KEY, row.virtual_key),
            *((Level.TEAM, team) for team in _decode_teams(row.teams)),
            (Level.CUSTOMER, row.customer),
            (Level.PROVIDER, row.provider),
            (Level.DEPLOYMENT, row.deployment),
            (Level.GATEWAY, ""),
        ]
        for name in names:
            yield from self._owners.get(name, ())
        model = row.public_model.lower()
        yield from (counter for glob, counter in self._models if fnmatchcase(model, glob))
        if self._tags:
            tags = {f"{name}={value}" for name, value in _decode_tags(row.tags).items()}
            yield from (counter for wanted, counter in self._tags if wanted <= tags)

    def _add(self, counters: Iterable[Counter], admitted_ns: int, cost: int) -> None:
        for counter in counters:
            if counter.start_ns <= admitted_ns < counter.end_ns:
                self._sums[counter.account] += cost

    def behind(self, after: Iterable[Counter]) -> bool:
        """Whether entries are not in the counters yet that will be in a moment."""
        return any(late.spent < self._sums[late.account] for late in after if late.account in self._sums)

    def compare(self, after: Iterable[Counter], complete_since_ns: int, findings: Findings) -> int:
        """How many counters could be compared: those whose period did not change in between, and has all its
        entries still in the ledger, which has those admitted since then."""
        compared = 0
        for late in after:
            early = self._before.get(late.account)
            if early is None or early.start_ns != late.start_ns or late.start_ns < complete_since_ns:
                continue
            compared += 1
            recorded = self._sums[late.account]
            if not early.spent <= recorded <= late.spent:
                spent = early.spent if recorded < early.spent else late.spent
                what = f"{late.period} budget of {late.owner}, spent"
                findings.add(Check.COUNTER, what, usd(spent), usd(recorded))
        return compared
