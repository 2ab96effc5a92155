"""Latency of deployments: a peak-sensitive average for choosing, and a p95 for hedging."""

import math
from typing import Final

DECAY_NS: Final = 10_000_000_000  # time in which an observation loses all but 1/e of its weight

_MIN_SAMPLES: Final = 20
_MAX_SAMPLES: Final = 1_000
_PER_OCTAVE: Final = 8
_FIRST_NS: Final = 100_000
_BUCKETS: Final = _PER_OCTAVE * 24  # 0.1 ms to 28 minutes


def decayed(average_ns: int, elapsed_ns: int) -> float:
    """A peak that is not confirmed fades, so that a deployment which was slow once is tried again."""
    return average_ns * math.exp(-max(elapsed_ns, 0) / DECAY_NS)


def peak_average(average_ns: int, elapsed_ns: int, observed_ns: int) -> int:
    """The new average: up at once with a slower observation, down by and by with faster ones."""
    if observed_ns >= average_ns:
        return observed_ns
    weight = math.exp(-max(elapsed_ns, 0) / DECAY_NS)
    return int(average_ns * weight + observed_ns * (1 - weight))


class Quantile:
    """A decaying histogram with buckets of 9 %: after 1,000 observations all counts are halved."""

    __slots__ = ("_counts", "_total")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self._total = 0

    def add(self, ns: int) -> None:
        octaves = math.log2(max(ns, _FIRST_NS) / _FIRST_NS)
        self._counts[min(int(octaves * _PER_OCTAVE), _BUCKETS - 1)] += 1
        self._total += 1
        if self._total >= _MAX_SAMPLES:
            self._counts = [count // 2 for count in self._counts]
            self._total = sum(self._counts)

    def value(self, share: float) -> int:
        """Upper bound in ns of the bucket that the quantile lies in; 0 below 20 observations."""
        if self._total < _MIN_SAMPLES:
            return 0
        left = share * self._total
        for index, count in enumerate(self._counts):
            left -= count
            if left <= 0:
                return int(_FIRST_NS * 2 ** ((index + 1) / _PER_OCTAVE))
        raise AssertionError("the counts add up to the total")
