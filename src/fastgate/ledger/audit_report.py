"""What an audit found: each difference by name, what is recorded, and what it should be."""

from enum import StrEnum
from typing import Final

import msgspec

KEPT: Final = 1_000
"""Differences that a report names; those beyond are only counted, so that memory stays bounded."""


class Check(StrEnum):
    """What was compared with what."""

    COST = "cost"  # an entry's cost with its usage at its price
    PRICE = "price"  # a stored price with its id
    CHAIN = "chain"  # batches with their hashes, and the numbers of entries
    JOURNAL = "journal"  # sequence numbers of each writer
    ROLLUP = "rollup"  # roll-ups with entries
    COUNTER = "counter"  # counters of budgets with ledger and journals


class Difference(msgspec.Struct, frozen=True):
    """`what` names the entry, batch, writer, roll-up or budget."""

    check: Check
    what: str
    recorded: str
    expected: str

    def __str__(self) -> str:
        return f"{self.check}: {self.what}: recorded {self.recorded}, should be {self.expected}"


class Findings:
    """Collects differences."""

    def __init__(self) -> None:
        self.kept: list[Difference] = []
        self.counts: dict[Check, int] = {}

    def add(self, check: Check, what: str, recorded: object, expected: object) -> None:
        self.counts[check] = self.counts.get(check, 0) + 1
        if len(self.kept) < KEPT:
            self.kept.append(Difference(check, what, str(recorded), str(expected)))


class Report(msgspec.Struct, frozen=True):
    """`differences` has the first of those that `counts` counts. `unpriced` and `estimated` are no errors.

    `journaled` are the records that the ledger did not have yet, `last_hash` stands for all entries: whoever
    keeps it can prove later that none was changed.
    """

    ok: bool
    entries: int
    batches: int
    cost_usd: str
    estimated: int
    unpriced: int
    writers: int
    rollups: int
    counters: int
    journaled: int
    last_hash: str
    counts: dict[Check, int]
    differences: list[Difference]
