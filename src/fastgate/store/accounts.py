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
# Plain numbers: a member of an enumeration costs as much as the access to the word.
_ID: Final = int(BudgetWord.ID)
_KIND: Final = int(BudgetWord.KIND)


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

    The table itself says who owns which line. One that nobody wants any more keeps its state until `reclaim`,
    and until then it can be wanted again.
    """

    def __init__(self, table: AccountTable) -> None:
        self._table = table
        self._unwanted: dict[int, int] = {}

    def place(self, wanted: Iterable[Account], now_ns: int) -> dict[str, int]:
        """The line of each, by name; the lines of all other accounts are unwanted from now on.

        A new line is zero but for its id and kind: whoever calls this fills it before a worker hears of it.
        ConfigError: two names have the same id; nothing is changed then. OSError: the file cannot grow; lines
        that were there are as before.
        """
        accounts: dict[int, Account] = {}
        for account in wanted:
            other = accounts.setdefault(key_of(account.name.encode()), account)
            if other is not account:
                raise ConfigError(_collision(account, other))
        lines, free = self._owned()
        new = [id_ for id_ in accounts if id_ not in lines]
        free += self._grown(len(new) - len(free))
        store = self._table.store
        for id_, line in zip(new, free, strict=False):
            store(line, _KIND, accounts[id_].kind)
            store(line, _ID, id_ - _WRAP if id_ >= _SIGN else id_)
            lines[id_] = line
        since = self._unwanted
        left = [lines[id_] for id_ in lines.keys() - accounts.keys()]
        self._unwanted = {line: since.get(line, now_ns) for line in left}
        return {account.name: lines[id_] for id_, account in accounts.items()}

    def unwanted(self) -> list[int]:
        """The lines that nobody wants any more and that still have their state."""
        return list(self._unwanted)

    def reclaim(self, before_ns: int, held: Collection[int]) -> int:
        """Free the lines that are unwanted since before `before_ns` and not `held`; returns how many."""
        gone = [
            line for line, since_ns in self._unwanted.items() if since_ns <= before_ns and line not in held
        ]
        for line in gone:
            del self._unwanted[line]
            self._clear(line)
        return len(gone)

    def _owned(self) -> tuple[dict[int, int], list[int]]:
        """The line of each account that has one, and the lines that are free."""
        lines: dict[int, int] = {}
        free = []
        load = self._table.load
        for line in range(self._table.lines):
            account = load(line, _ID)
            if account and load(line, _KIND):
                lines[account % _WRAP] = line
            else:
                if account:
                    self._clear(line)
                free.append(line)
        return lines, free

    def _grown(self, lines: int) -> Iterable[int]:
        """At least so many lines, at the end of the table."""
        if lines <= 0:
            return ()
        before = self._table.lines
        self._table.grow(before + -(-lines // STEP) * STEP)
        return range(before, self._table.lines)

    def _clear(self, line: int) -> None:
        """An id without a kind marks a line whose clearing was not finished: the next process does it."""
        self._table.store(line, _KIND, 0)
        for word in range(_KIND + 1, LINE_WORDS):
            self._table.store(line, word, 0)
        self._table.store(line, _ID, 0)


def _collision(one: Account, other: Account) -> str:
    if one.name == other.name:
        return f"two accounts are called {one.name}"
    return f"{one.name} and {other.name} have the same account id: another name for one of them is needed"
