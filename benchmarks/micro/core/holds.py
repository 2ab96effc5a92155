"""Holds: what a call does to its slot and to the counters behind it."""

import functools
import tempfile
from collections.abc import Iterator

from benchmarks.micro.timing import Case
from tests.core import lines
from tests.reference import holds as reference

from fastgate._core.accounts import AccountTable
from fastgate._core.holds import HoldTable

CHAIN = range(5)
PACKED = lines.packed(CHAIN)
OPENING = b"x" * 400
GAUGES = [(5, 2, 100), (5, 3, 100)]
PACKED_GAUGES = lines.packed_gauges(GAUGES)
LIMIT = 10**15
NOW_NS = 1_790_000_000_000_000_000


def call(table: HoldTable) -> None:
    """All that one call of a client does to its slot."""
    slot = table.claim()
    table.enter(slot, PACKED_GAUGES)
    table.reserve(slot, PACKED, 1_000, NOW_NS, OPENING)
    table.sent(slot)
    table.admitted_ns(slot)
    table.charged(slot)
    table.settling(slot)
    table.settle(slot, 0)
    table.free(slot)


def reference_call(table: reference.HoldTable) -> None:
    slot = table.claim()
    table.enter(slot, GAUGES)
    table.reserve(slot, CHAIN, 1_000, NOW_NS, OPENING)
    table.sent(slot)
    table.settling(slot)
    table.settle(slot, 0)
    table.free(slot)


def reserve_and_release(table: HoldTable, slot: int) -> None:
    table.reserve(slot, PACKED, 1_000, NOW_NS, OPENING)
    table.release(slot)


def reference_reserve_and_release(table: reference.HoldTable, slot: int) -> None:
    table.reserve(slot, CHAIN, 1_000, NOW_NS, OPENING)
    table.release(slot)


def cases() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as directory:
        accounts = AccountTable(f"{directory}/accounts", True, 8)
        for line in CHAIN:
            lines.place_budget(accounts, line, 1 + line, LIMIT)
        lines.place_limits(accounts, 5, 100)
        core = HoldTable(f"{directory}/holds", accounts, True)
        oracle = reference.HoldTable({line: reference.Budget(1 + line, LIMIT) for line in CHAIN}, {})
        slots = (core.claim(), oracle.claim())
        delivering = (core.claim(), oracle.claim())
        core.reserve(delivering[0], PACKED, 1_000, NOW_NS, OPENING)
        oracle.reserve(delivering[1], CHAIN, 1_000, NOW_NS, OPENING)
        yield Case(
            "holds: one call, five budgets, two gauges",
            functools.partial(call, core),
            functools.partial(reference_call, oracle),
        )
        yield Case(
            "holds.reserve and release, five budgets",
            functools.partial(reserve_and_release, core, slots[0]),
            functools.partial(reference_reserve_and_release, oracle, slots[1]),
        )
        yield Case(
            "holds.progress",
            functools.partial(core.progress, delivering[0], 1, 100),
            functools.partial(oracle.progress, delivering[1], 1, 100),
        )
        yield Case("holds.read", functools.partial(core.read, delivering[0]))
