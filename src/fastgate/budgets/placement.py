"""The words of a budget's line, as the control process writes them while workers count in it."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from fastgate._core.accounts import AccountTable
from fastgate.budgets.compile import AccountSpec, Increase
from fastgate.budgets.periods import Period
from fastgate.budgets.state import pack, unpack
from fastgate.domain.account import BudgetWord

# Plain numbers: a member of an enumeration costs as much as the access to the word.
_LIMIT: Final = int(BudgetWord.LIMIT)
_COMMITTED: Final = int(BudgetWord.COMMITTED)
_SPENT: Final = int(BudgetWord.SPENT)
_BOUNDARY: Final = int(BudgetWord.BOUNDARY)
_EXTRA: Final = int(BudgetWord.EXTRA)
_EXTRA_UNTIL: Final = int(BudgetWord.EXTRA_UNTIL)
_OPS: Final = int(BudgetWord.OPS)

_TAGS: Final = 256
_LATER: Final = 128  # a tag that is ahead by less is of a later period, else of an earlier one


class _Around(NamedTuple):
    """What a line has to know of the period that is numbered so: the words of its boundaries."""

    number: int
    end_ns: int
    boundaries: tuple[tuple[int, int], ...]


def refresh(table: AccountTable, line: int, spec: AccountSpec, now_ns: int) -> int:
    """Make the line what `spec` says, at any time. Of a period that goes on, what is counted stays.

    Writes the limit, what increases add to it, and when the periods around this one end; an idle line is
    brought into the current one. Returns the unix ns when this has to be done again, at the latest.
    """
    _write(table, line, _LIMIT, spec.limit_nano)
    extra_until = _increase(table, line, spec.increases, now_ns)
    around = _now(spec.period, now_ns)
    due_ns = around.end_ns
    tag = unpack(table.load(line, _COMMITTED))[0]
    ahead = (tag - around.number) % _TAGS
    if 0 < ahead < _LATER and table.load(line, _BOUNDARY + (tag & 3)):
        # A worker's clock is ahead of this one, or this one was put back: periods are not lived twice.
        around = _around(spec.period, around.number + ahead)
    elif ahead:
        _begin(table, line, around)
    for word, end_ns in around.boundaries:
        _write(table, line, word, end_ns)
    _roll(table, line, _SPENT, around.number)
    return min(due_ns, extra_until) if extra_until else due_ns


def _begin(table: AccountTable, line: int, around: _Around) -> None:
    """Bring a new line, or one whose period is over, into that period. Boundaries that would not be those of
    the new one are unknown meanwhile."""
    for word, end_ns in around.boundaries:
        if table.load(line, word) != end_ns:
            table.store(line, word, 0)
    _roll(table, line, _COMMITTED, around.number)


def _roll(table: AccountTable, line: int, word: int, number: int) -> None:
    """Nothing of the period yet, unless somebody was faster."""
    while unpack(old := table.load(line, word))[0] != number % _TAGS:
        table.add(line, _OPS, 1)
        if table.compare_exchange(line, word, old, pack(number, 0)):
            return


def _increase(table: AccountTable, line: int, increases: Iterable[Increase], now_ns: int) -> int:
    """Until when it is as it is now; 0: there is none."""
    active = [each for each in increases if now_ns < each.until_ns]
    nano, until_ns = sum(each.nano for each in active), min((each.until_ns for each in active), default=0)
    if table.load(line, _EXTRA) != nano or table.load(line, _EXTRA_UNTIL) != until_ns:
        table.store(line, _EXTRA_UNTIL, 0)  # no amount is ever read with the end of another
        table.store(line, _EXTRA, nano)
        table.store(line, _EXTRA_UNTIL, until_ns)
    return until_ns


def _write(table: AccountTable, line: int, word: int, value: int) -> None:
    """Only what differs: workers read these words all the time."""
    if table.load(line, word) != value:
        table.store(line, word, value)


@lru_cache(maxsize=1_024)  # many lines are brought up to date at one moment
def _now(period: Period, now_ns: int) -> _Around:
    return _around(period, period.bounds(now_ns).number)


def _around(period: Period, number: int) -> _Around:
    boundaries = tuple(
        (_BOUNDARY + (each & 3), period.start(each + 1)) for each in range(number - 1, number + 3)
    )
    return _Around(number, period.start(number + 1), boundaries)
