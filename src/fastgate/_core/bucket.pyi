from typing import Final, Self, final

from fastgate._core.accounts import AccountTable

@final
class LimitSet:
    """Rate limits that hold together, on cells of the accounts file; made once for a chain of owners.

    Each is a bucket of `burst` units that fills by `amount` in each `period_ns`: in any window of `t` ns,
    over all processes, what was taken (less what was given back and corrected meanwhile) is never more than
    burst + t * amount / period_ns. Charges are rounded up to whole nanoseconds, nothing else is. Times are
    those of the monotonic clock. A limit whose line has another owner by now, or none, does not limit.
    Numbers that are negative or beyond 2**62: ValueError.
    """

    count: Final[int]
    wait_ns: int
    """Of the last take() that was refused: how long until the same would pass, as things stand; -1: never."""

    def __new__(cls, accounts: AccountTable, limits: tuple[tuple[int, int, int, int, int, int], ...]) -> Self:
        """Each (line, word, measure, amount, period_ns, burst).

        `measure`: 0 requests, 1 input tokens, 2 output tokens, 3 both. IndexError: no such line or cell.
        ValueError: not a line of limits, another measure, an amount, period or burst below 1, or a burst that
        takes more than 2**62 ns to refill.
        """

    def take(self, requests: int, input_tokens: int, output_tokens: int, now_ns: int) -> int:
        """Take from all, or from none. -1, or the index of the refusing limit that has the longest wait."""

    def give_back(self, requests: int, input_tokens: int, output_tokens: int) -> None:
        """Undo a take(), at once: later, what has been refilled meanwhile would come on top."""

    def correct(self, input_delta: int, output_delta: int, now_ns: int) -> None:
        """Charge what was used beyond the estimate, never refused; give back what was not (negative).

        Nothing is given back to a bucket that is full again by now.
        """

    def remaining(self, index: int, now_ns: int) -> int:
        """Units left. IndexError."""

    def reset_ns(self, index: int, now_ns: int) -> int:
        """How long until the bucket is full. IndexError."""

    def tightest(self, indexes: tuple[int, ...], now_ns: int) -> tuple[int, int, int]:
        """(index, remaining, reset_ns) of the one that has the fewest units left, the first of several.

        IndexError. ValueError: no indexes.
        """
