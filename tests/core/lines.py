"""Lines of the accounts file as the control process writes them, and as they read."""

import struct
from collections.abc import Iterable

from fastgate._core.accounts import LINE_WORDS, AccountTable
from fastgate.domain.account import AMOUNT_BITS, AMOUNT_MASK, KIND_BUDGET, KIND_LIMITS, BudgetWord


def place_budget(table: AccountTable, line: int, owner: int, limit: int, period: int = 0) -> None:
    place(table, line, owner, KIND_BUDGET)
    table.store(line, BudgetWord.LIMIT, limit)
    for word in (BudgetWord.COMMITTED, BudgetWord.SPENT):
        table.store(line, word, signed((period & 0xFF) << AMOUNT_BITS))


def place_limits(table: AccountTable, line: int, owner: int) -> None:
    place(table, line, owner, KIND_LIMITS)


def place(table: AccountTable, line: int, owner: int, kind: int) -> None:
    for word in range(LINE_WORDS):
        table.store(line, word, 0)
    table.store(line, BudgetWord.KIND, kind)
    table.store(line, BudgetWord.ID, signed(owner))


def end_period(table: AccountTable, line: int, period: int, end_ns: int) -> None:
    table.store(line, BudgetWord.BOUNDARY + (period & 3), end_ns)


def amount(table: AccountTable, line: int, word: BudgetWord) -> tuple[int, int]:
    """The tag of the period, and nano-USD."""
    value = table.load(line, word)
    return value >> AMOUNT_BITS & 0xFF, value & AMOUNT_MASK


def committed(table: AccountTable, line: int) -> int:
    return amount(table, line, BudgetWord.COMMITTED)[1]


def spent(table: AccountTable, line: int) -> int:
    return amount(table, line, BudgetWord.SPENT)[1]


def packed(lines: Iterable[int]) -> bytes:
    """As reserve() and room() take them."""
    return b"".join(struct.pack("=i", line) for line in lines)


def packed_gauges(gauges: Iterable[tuple[int, int, int]]) -> bytes:
    """(line, word, cap) each, as enter() takes them."""
    return b"".join(struct.pack("=iiq", *gauge) for gauge in gauges)


def signed(word: int) -> int:
    """Words are signed; ids and packed amounts are not."""
    return word - (1 << 64) if word >= 1 << 63 else word
