"""The `accounts` file: who owns which line. Workers use lines that the control process has placed.

A line is one budget, or all limits of one owner, by the id of its account: a hash of the account's name.
"""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from fastgate._core.accounts import LINE_WORDS, AccountTable
from fastgate._core.shm import key_of
from fastgate.domain.account import BudgetWord
from fastgate.errors import ConfigError
from fastgate.store.data_dir import DataDir

STEP: Final = 8_192  # lines that the file grows by: 1 MiB

_SIGN: Final = 1 << 63
_WRAP: Final = 1 << 64


def create(data_dir: DataDir) -> AccountTable:
    """A zeroed file in place of any older one. Only the supervisor does this, under its lock."""
    return AccountTable(str(data_dir.accounts), True, STEP)


def attach(data_dir: DataDir) -> AccountTable:
    return AccountTable(str(data_dir.accounts), False)


def account_id(name: str) -> int:
    """Unsigned, the same in all processes and versions."""
    return key_of(name.encode())


class Account(NamedTuple):
    """What a line is for: `kind` is KIND_BUDGET or KIND_LIMITS. `name` is unique among all."""

    name: str
    kind: int


class Places:
    """The only placer of lines, in the control process. It goes on with those that an earlier one placed.
    Times are of `clock.monotonic_ns`.

    A line that nobody wants any more keeps its state until `reclaim`, and until then it can be wanted again.
    """

    def __init__(self, table: AccountTable) -> None:
        self._table = table
        self._lines: dict[int, int] = {}
        self._unwanted: dict[int, int] = {}
        free = []
        load = table.load
        for line in range(table.lines):
            account = load(line, BudgetWord.ID)
            if account and load(line, BudgetWord.KIND):
                self._lines[account % _WRAP] = line
            else:
                if account:
                    self._clear(line)
                free.append(line)
        free.reverse()
        self._free = free

    def place(self, wanted: Iterable[Account], now_ns: int) -> dict[str, int]:
        """The line of each, by name; the lines of all other accounts are unwanted from now on.

        A new line is zero but for its id and kind: whoever calls this fills it before a worker hears of it.
        ConfigError: two names have the same id; nothing is changed then. OSError: the file cannot grow; lines
        that were there are as before.
        """
        accounts: dict[int, Account] = {}
        for account in wanted:
            other = accounts.setdefault(account_id(account.name), account)
            if other is not account:
                raise ConfigError(_collision(account, other))
        new = [id_ for id_ in accounts if id_ not in self._lines]
        self._make_room(len(new))
        for id_ in new:
            self._lines[id_] = self._claim(id_, accounts[id_].kind)
        for id_ in self._lines:
            if id_ not in accounts:
                self._unwanted.setdefault(id_, now_ns)
        for id_ in [id_ for id_ in self._unwanted if id_ in accounts]:
            del self._unwanted[id_]
        return {account.name: self._lines[id_] for id_, account in accounts.items()}

    def unwanted(self) -> list[int]:
        """The lines that nobody wants any more and that still have their state."""
        return [self._lines[id_] for id_ in self._unwanted]

    def reclaim(self, before_ns: int, held: Collection[int]) -> int:
        """Free the lines that are unwanted since before `before_ns` and not `held`; returns how many."""
        gone = [
            id_
            for id_, since_ns in self._unwanted.items()
            if since_ns <= before_ns and self._lines[id_] not in held
        ]
        for id_ in gone:
            line = self._lines.pop(id_)
            del self._unwanted[id_]
            self._clear(line)
            self._free.append(line)
        return len(gone)

    def _make_room(self, lines: int) -> None:
        missing = lines - len(self._free)
        if missing <= 0:
            return
        before = self._table.lines
        self._table.grow(before + -(-missing // STEP) * STEP)
        self._free[:0] = range(self._table.lines - 1, before - 1, -1)

    def _claim(self, id_: int, kind: int) -> int:
        line = self._free.pop()
        self._table.store(line, BudgetWord.KIND, kind)
        self._table.store(line, BudgetWord.ID, id_ - _WRAP if id_ >= _SIGN else id_)
        return line

    def _clear(self, line: int) -> None:
        """An id without a kind marks a line whose clearing was not finished: the next process does it."""
        self._table.store(line, BudgetWord.KIND, 0)
        for word in range(BudgetWord.KIND + 1, LINE_WORDS):
            self._table.store(line, word, 0)
        self._table.store(line, BudgetWord.ID, 0)


def _collision(one: Account, other: Account) -> str:
    if one.name == other.name:
        return f"two accounts are called {one.name}"
    return f"{one.name} and {other.name} have the same account id: another name for one of them is needed"
