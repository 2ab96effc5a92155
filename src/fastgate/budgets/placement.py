"""The words of a budget's line, as the control process writes them while workers count in it."""

from functools import lru_cache
from typing import Final, NamedTuple

from fastgate._core.accounts import AccountTable
from fastgate.budgets.periods import Period
from fastgate.budgets.spec import Increase, Terms
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


class _Around(NamedTuple):
    """What a line has to know of the period that is numbered so: the words of its boundaries."""

    number: int
    start_ns: int
    end_ns: int
    boundaries: tuple[tuple[int, int], ...]


def refresh(table: AccountTable, line: int, terms: Terms, now_ns: int) -> int:
    """Make the line what `terms` say, at any time. Of a period that goes on, what is counted stays.

    Writes the limit, what increases add to it, and when the periods around this one end; an idle line is
    brought into the current one. Returns the unix ns when this has to be done again, at the latest.
    """
    extra_until = _increase(table, line, terms.increases, now_ns)
    now = _now(terms.period, now_ns)
    around = _brought(table, line, terms.period, now)
    load, store = table.load, table.store
    for word, value in ((_LIMIT, terms.limit_nano), *around.boundaries):
        if load(line, word) != value:  # workers read these words all the time
            store(line, word, value)
    while unpack(old := load(line, _SPENT))[0] != around.number & 0xFF:
        if _swap(table, line, _SPENT, old, around.number):
            break
    return min(now.end_ns, extra_until) if extra_until else now.end_ns


def recount(table: AccountTable, line: int, spent: int) -> None:
    """Nano-USD that the current period has cost so far, in the place of what a refreshed line says. What is
    held for calls in flight stays. For a line in which nobody has counted for a while, or ever."""
    while True:
        old, counted_word = table.load(line, _COMMITTED), table.load(line, _SPENT)
        tag, committed = unpack(old)
        counted_tag, counted = unpack(counted_word)
        if old == counted_word and counted == spent:
            return  # as it is right after `refresh`, of most
        held = committed - counted if counted_tag == tag else committed
        table.add(line, _OPS, 1)
        if table.compare_exchange(line, _COMMITTED, old, pack(tag, spent + max(held, 0))):
            table.store(line, _SPENT, pack(tag, spent))
            return


def _brought(table: AccountTable, line: int, period: Period, now: _Around) -> _Around:
    """The period that the line counts in: brought up to now, if what it counted is over.

    It can be a later one: a worker's clock is ahead of this one, or this one was put back, and periods are
    not lived twice.
    """
    while True:
        spent, committed = table.load(line, _SPENT), table.load(line, _COMMITTED)
        number = _counted(table, line, unpack(committed)[0], period, now)
        if number is not None and number >= now.number:
            return now if number == now.number else _around(period, number)
        for word, end_ns in now.boundaries:
            if (old_ns := table.load(line, word)) and old_ns != end_ns:
                table.store(line, word, 0)  # it would mislead a worker about the new period
        # Nothing is spent yet before anything can be: a cost of the new period must not be lost.
        _swap(table, line, _SPENT, spent, now.number)
        if _swap(table, line, _COMMITTED, committed, now.number):
            return now


def _counted(table: AccountTable, line: int, tag: int, period: Period, now: _Around) -> int | None:
    """The number of the period that has the tag, by the boundaries in the line; None: it is new, or they say
    nothing."""
    start_ns = table.load(line, _BOUNDARY + (tag - 1 & 3))
    end_ns = table.load(line, _BOUNDARY + (tag & 3))
    if end_ns == now.end_ns and start_ns in (0, now.start_ns):
        number = now.number
    elif end_ns > start_ns:
        number = _now(period, end_ns - 1).number
    elif start_ns:  # the end is not known any more: its place still has that of four periods before
        number = _now(period, start_ns).number
    else:
        number = now.number
    return number if number & 0xFF == tag else None


def _swap(table: AccountTable, line: int, word: int, old: int, number: int) -> bool:
    """Nothing of the period yet, unless the word has changed meanwhile."""
    table.add(line, _OPS, 1)
    return table.compare_exchange(line, word, old, pack(number, 0))


def _increase(table: AccountTable, line: int, increases: tuple[Increase, ...], now_ns: int) -> int:
    """Until when it is as it is now; 0: there is none."""
    if not increases and not table.load(line, _EXTRA_UNTIL) and not table.load(line, _EXTRA):
        return 0
    active = [each for each in increases if now_ns < each.until_ns]
    nano, until_ns = sum(each.nano for each in active), min((each.until_ns for each in active), default=0)
    if table.load(line, _EXTRA) != nano or table.load(line, _EXTRA_UNTIL) != until_ns:
        table.store(line, _EXTRA_UNTIL, 0)  # no amount is ever read with the end of another
        table.store(line, _EXTRA, nano)
        table.store(line, _EXTRA_UNTIL, until_ns)
    return until_ns


@lru_cache(maxsize=1_024)  # many lines are brought up to date at one moment
def _now(period: Period, now_ns: int) -> _Around:
    return _around(period, period.bounds(now_ns).number)


def _around(period: Period, number: int) -> _Around:
    boundaries = tuple(
        (_BOUNDARY + (each & 3), period.start(each + 1)) for each in range(number - 1, number + 3)
    )
    return _Around(number, period.start(number), period.start(number + 1), boundaries)
