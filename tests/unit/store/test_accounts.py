"""Lines of the accounts file: placed, kept over a restart, given to others when nobody can know them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fastgate._core.accounts import LINE_WORDS, AccountTable
from fastgate.domain.account import KIND_BUDGET, KIND_LIMITS, BudgetWord
from fastgate.errors import ConfigError
from fastgate.store import accounts
from fastgate.store.accounts import STEP, Account, Places, account_id
from fastgate.store.data_dir import DataDir


@pytest.fixture
def table(tmp_path: Path) -> Iterator[AccountTable]:
    table = accounts.create(DataDir(tmp_path))
    yield table
    table.close()


def budgets(*names: str) -> list[Account]:
    return [Account(name, KIND_BUDGET) for name in names]


def words(table: AccountTable, line: int) -> list[int]:
    return [table.load(line, word) for word in range(LINE_WORDS)]


def test_a_line_says_whose_it_is(table: AccountTable) -> None:
    lines = Places(table).place([Account("a", KIND_BUDGET), Account("b", KIND_LIMITS)], 1)
    assert len(set(lines.values())) == 2
    assert table.load(lines["a"], BudgetWord.ID) % 2**64 == account_id("a")
    assert table.load(lines["a"], BudgetWord.KIND) == KIND_BUDGET
    assert table.load(lines["b"], BudgetWord.KIND) == KIND_LIMITS


def test_lines_stay_where_they_are(table: AccountTable, tmp_path: Path) -> None:
    places = Places(table)
    lines = places.place(budgets("a", "b"), 1)
    table.store(lines["a"], BudgetWord.LIMIT, 5)
    assert places.place(budgets("c", "b", "a"), 2).items() > lines.items()
    other = accounts.attach(DataDir(tmp_path))
    assert Places(other).place(budgets("a", "b"), 3) == lines, "a later control process finds them"
    assert other.load(lines["a"], BudgetWord.LIMIT) == 5
    other.close()


def test_the_file_grows_by_steps(table: AccountTable) -> None:
    assert table.lines == STEP
    places = Places(table)
    names = [f"account {number}" for number in range(STEP + 1)]
    lines = places.place(budgets(*names), 1)
    assert table.lines == 2 * STEP
    assert sorted(lines.values()) == list(range(STEP + 1))
    assert places.place(budgets(*names), 2) == lines
    assert table.lines == 2 * STEP


def test_a_line_is_free_only_when_no_worker_and_no_hold_can_know_it(table: AccountTable) -> None:
    places = Places(table)
    line = places.place(budgets("a"), 1)["a"]
    table.store(line, BudgetWord.COMMITTED, 9)
    places.place([], 2)
    assert places.unwanted() == [line]
    assert places.reclaim(1, ()) == 0, "a worker still runs on the generation before"
    assert places.reclaim(2, {line}) == 0, "a hold points at it"
    assert table.load(line, BudgetWord.COMMITTED) == 9
    assert places.reclaim(2, {line + 1}) == 1
    assert words(table, line) == [0] * LINE_WORDS
    assert places.unwanted() == []
    assert places.place(budgets("b"), 3)["b"] == line


def test_a_line_that_is_wanted_again_in_time_is_the_same(table: AccountTable) -> None:
    places = Places(table)
    lines = places.place(budgets("a"), 1)
    table.store(lines["a"], BudgetWord.COMMITTED, 9)
    places.place([], 2)
    assert places.place(budgets("a"), 3) == lines
    assert places.reclaim(3, ()) == 0
    assert table.load(lines["a"], BudgetWord.COMMITTED) == 9


def test_what_went_before_a_restart_is_reclaimed_after_it(table: AccountTable) -> None:
    line = Places(table).place(budgets("a"), 1)["a"]
    places = Places(table)
    places.place([], 5)
    assert places.reclaim(4, ()) == 0
    assert places.reclaim(5, ()) == 1
    assert words(table, line) == [0] * LINE_WORDS


@pytest.mark.parametrize("cleared", range(LINE_WORDS))
def test_a_process_that_is_killed_while_it_clears_a_line(table: AccountTable, cleared: int) -> None:
    line = Places(table).place(budgets("a"), 1)["a"]
    for word in range(2, LINE_WORDS):
        table.store(line, word, 7)
    order = [BudgetWord.KIND, *range(2, LINE_WORDS), BudgetWord.ID]
    for word in order[:cleared]:
        table.store(line, word, 0)
    lines = Places(table).place(budgets("b", "a"), 1)
    assert (lines["a"] == line) == (cleared == 0)
    assert words(table, lines["b"])[2:] == [0] * (LINE_WORDS - 2)
    assert words(table, lines["a"])[2:] == [0 if cleared else 7] * (LINE_WORDS - 2)


def test_names_that_hash_alike_are_refused(table: AccountTable, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(table)
    lines = places.place(budgets("a"), 1)
    monkeypatch.setattr(accounts, "key_of", lambda name: 5 if name in (b"x", b"y") else 6)
    with pytest.raises(ConfigError, match="y and x have the same account id"):
        places.place(budgets("x", "y"), 2)
    assert places.unwanted() == []
    monkeypatch.undo()
    assert places.place(budgets("a"), 2) == lines
    with pytest.raises(ConfigError, match="two accounts are called a"):
        places.place(budgets("a", "a"), 3)
