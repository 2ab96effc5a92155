"""Budgets of the accounts file, for whoever looks at one or spends without a hold."""

import functools
import tempfile
from collections.abc import Iterator

from benchmarks.micro.timing import Case
from tests.core import lines
from tests.reference.holds import Budget

from fastgate._core import budget
from fastgate._core.accounts import AccountTable

LIMIT = 10**15
NOW_NS = 1_790_000_000_000_000_000
CHAIN = range(5)


def cases() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as directory:
        accounts = AccountTable(f"{directory}/accounts", True, len(CHAIN))
        for line in CHAIN:
            lines.place_budget(accounts, line, 1 + line, LIMIT)
        oracles = [Budget(1 + line, LIMIT) for line in CHAIN]
        yield Case(
            "budget.room, five budgets",
            functools.partial(budget.room, accounts, lines.packed(CHAIN), NOW_NS),
            lambda: min(oracle.left(NOW_NS) for oracle in oracles),
        )
        yield Case(
            "budget.balance",
            functools.partial(budget.balance, accounts, 0, NOW_NS),
            functools.partial(oracles[0].balance, NOW_NS),
        )
        yield Case(
            "budget.charge",
            functools.partial(budget.charge, accounts, 0, 1, NOW_NS),
            functools.partial(oracles[0].charge, 1, NOW_NS),
        )
        yield Case(
            "budget.roll, within the period",
            functools.partial(budget.roll, accounts, 0, NOW_NS),
            functools.partial(oracles[0].roll, NOW_NS),
        )
