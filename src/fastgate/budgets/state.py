"""What a budget's line in the accounts file says at this moment. For workers and the control process."""

from typing import NamedTuple

from fastgate._core.accounts import AccountTable
from fastgate._core.budget import balance
from fastgate.domain.account import AMOUNT_BITS, AMOUNT_MASK


class BudgetState(NamedTuple):
    """Nano-USD of the period that `at_ns` is in; `resets_ns` is its end, unix ns, 0 if it is not known."""

    limit: int
    spent: int
    reserved: int
    resets_ns: int

    @property
    def left(self) -> int:
        return max(self.limit - self.spent - self.reserved, 0)

    @classmethod
    def read(cls, accounts: AccountTable, line: int, at_ns: int) -> "BudgetState":
        """Not one atomic look: between the words, calls may be held or settled."""
        return cls(*balance(accounts, line, at_ns))


def unpack(word: int) -> tuple[int, int]:
    """The number of the period modulo 256, and the amount."""
    return word >> AMOUNT_BITS & 0xFF, word & AMOUNT_MASK


def pack(number: int, amount: int) -> int:
    """As a signed word, which is what the accounts file holds."""
    word = (number & 0xFF) << AMOUNT_BITS | amount
    return word - (1 << 64) if word >= 1 << 63 else word
