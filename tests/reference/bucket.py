"""What fastgate._core.bucket has to do, with fractions in one process."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor


@dataclass
class Limit:
    """`full_at` is when all that was taken will have been refilled."""

    measure: int
    amount: int
    period_ns: int
    burst: int
    full_at: int = 0

    def ns(self, units: int) -> Fraction:
        return Fraction(units * self.period_ns, self.amount)

    def debt(self, now_ns: int) -> int:
        return max(self.full_at - now_ns, 0)

    def wait(self, units: int, now_ns: int) -> int:
        if units > self.burst:
            return -1
        return max(ceil(self.debt(now_ns) - self.ns(self.burst - units)), 0) if units else 0


class LimitSet:
    def __init__(self, limits: Sequence[tuple[int, int, int, int]]) -> None:
        """Each (measure, amount, period_ns, burst)."""
        self.limits = [Limit(*limit) for limit in limits]
        self.wait_ns = 0

    def take(self, requests: int, input_tokens: int, output_tokens: int, now_ns: int) -> int:
        units = (requests, input_tokens, output_tokens, input_tokens + output_tokens)
        waits = [limit.wait(units[limit.measure], now_ns) for limit in self.limits]
        if any(waits):
            self.wait_ns = -1 if -1 in waits else max(waits)
            return waits.index(self.wait_ns)
        for limit in self.limits:
            if units[limit.measure]:
                limit.full_at = max(limit.full_at, now_ns) + ceil(limit.ns(units[limit.measure]))
        return -1

    def give_back(self, requests: int, input_tokens: int, output_tokens: int) -> None:
        units = (requests, input_tokens, output_tokens, input_tokens + output_tokens)
        for limit in self.limits:
            limit.full_at = max(limit.full_at - ceil(limit.ns(units[limit.measure])), 0)

    def correct(self, input_delta: int, output_delta: int, now_ns: int) -> None:
        deltas = (0, input_delta, output_delta, input_delta + output_delta)
        for limit in self.limits:
            delta = deltas[limit.measure]
            if delta:
                ns = ceil(limit.ns(delta)) if delta > 0 else -floor(limit.ns(-delta))
                limit.full_at = now_ns + max(limit.debt(now_ns) + ns, 0)

    def remaining(self, index: int, now_ns: int) -> int:
        limit = self.limits[index]
        debt = limit.debt(now_ns)
        if debt == 0:
            return limit.burst
        # The true debt is above debt - 1: the largest number of units below what that leaves.
        left = limit.burst - Fraction((debt - 1) * limit.amount, limit.period_ns)
        return max(ceil(left) - 1, 0)

    def reset_ns(self, index: int, now_ns: int) -> int:
        return self.limits[index].debt(now_ns)

    def tightest(self, indexes: Sequence[int], now_ns: int) -> tuple[int, int, int]:
        index = min(indexes, key=lambda each: self.remaining(each, now_ns))
        return index, self.remaining(index, now_ns), self.reset_ns(index, now_ns)
