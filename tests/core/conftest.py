from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.core import lines
from tests.core.processes import Process

from fastgate._core.accounts import AccountTable
from fastgate._core.holds import HoldTable

Spawn = Callable[..., Process]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    """Starts a process for a role of tests.core.processes; none outlives the test."""
    spawned = []

    def one(role: Callable[..., object], *args: object) -> Process:
        spawned.append(Process(role, *args))
        return spawned[-1]

    yield one
    for process in spawned:
        process.kill()


@pytest.fixture
def accounts(tmp_path: Path) -> AccountTable:
    """Lines 0 to 4 are budgets of 100 nano-USD, 5 and 6 are of limits, 7 is nobody's."""
    table = AccountTable(str(tmp_path / "accounts"), True, 8)
    for line in range(5):
        lines.place_budget(table, line, 100 + line, 100)
    for line in (5, 6):
        lines.place_limits(table, line, 100 + line)
    return table


@pytest.fixture
def table(tmp_path: Path, accounts: AccountTable) -> HoldTable:
    return HoldTable(str(tmp_path / "holds"), accounts, True)
