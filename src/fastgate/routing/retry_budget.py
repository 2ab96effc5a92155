"""A cap on further attempts, so that an outage does not multiply the load that caused it."""

from typing import Final

WINDOW_S: Final = 10
_SECOND_NS: Final = 1_000_000_000


class RetryBudget:
    """Of one worker: further attempts are at most `ratio` times the requests of the last 10 seconds, or
    `min_per_s` in the current second, whichever allows more."""

    __slots__ = ("_min_per_s", "_ratio", "_requests", "_retries", "_second")

    def __init__(self, ratio: float, min_per_s: float) -> None:
        self._ratio = ratio
        self._min_per_s = min_per_s
        self._second = 0
        self._requests = [0] * WINDOW_S
        self._retries = [0] * WINDOW_S

    def request(self, now_ns: int) -> None:
        """Count a request's first attempt."""
        self._requests[self._slot(now_ns)] += 1

    def allows(self, now_ns: int) -> bool:
        """Whether `take` would be granted."""
        slot = self._slot(now_ns)
        if self._retries[slot] + 1 <= self._min_per_s:
            return True
        return sum(self._retries) + 1 <= self._ratio * sum(self._requests)

    def take(self, now_ns: int) -> bool:
        """Count a further attempt, if one is left."""
        if not self.allows(now_ns):
            return False
        self._retries[self._slot(now_ns)] += 1
        return True

    def _slot(self, now_ns: int) -> int:
        second = now_ns // _SECOND_NS
        if second > self._second:
            for passed in range(max(self._second + 1, second - WINDOW_S + 1), second + 1):
                self._requests[passed % WINDOW_S] = 0
                self._retries[passed % WINDOW_S] = 0
            self._second = second
        return second % WINDOW_S
