"""The order inside of a group: which of the members that are left is tried next."""

import random
from typing import Final

from fastgate.domain.snapshot import Strategy
from fastgate.routing.candidate import Candidate

# A deployment that was never measured is tried first, but not flooded before its first answer.
_UNMEASURED_NS: Final = 1_000_000_000.0


def pick(strategy: Strategy, left: list[Candidate], now_ns: int, rng: random.Random) -> int:
    """Index of the next member of `left`, which is not empty. Equals are chosen by chance.

    `round_robin` takes the first: its list was rotated when the group was entered.
    """
    match strategy:
        case Strategy.ROUND_ROBIN:
            return 0
        case Strategy.WEIGHTED:
            return rng.choices(range(len(left)), [candidate.weight for candidate in left])[0]
        case Strategy.LEAST_BUSY:
            return _least([candidate.health.in_flight() / candidate.weight for candidate in left], rng)
        case Strategy.LOWEST_LATENCY:
            return _least([_expected_ns(candidate, now_ns) for candidate in left], rng)


def preview(strategy: Strategy, members: tuple[Candidate, ...], now_ns: int) -> list[Candidate]:
    """The most likely order, drawing no lots: for a dry run. Equals stay as configured."""
    match strategy:
        case Strategy.ROUND_ROBIN:
            return list(members)
        case Strategy.WEIGHTED:
            return sorted(members, key=lambda candidate: -candidate.weight)
        case Strategy.LEAST_BUSY:
            return sorted(members, key=lambda candidate: candidate.health.in_flight() / candidate.weight)
        case Strategy.LOWEST_LATENCY:
            return sorted(members, key=lambda candidate: _expected_ns(candidate, now_ns))


def _expected_ns(candidate: Candidate, now_ns: int) -> float:
    """Peak-EWMA: the decayed latency, times the requests that it would be shared with."""
    in_flight = candidate.health.in_flight()
    latency_ns = candidate.health.latency_ns(now_ns)
    if latency_ns == 0 and in_flight:
        latency_ns = _UNMEASURED_NS
    return latency_ns * (in_flight + 1)


def _least(scores: list[float], rng: random.Random) -> int:
    least = min(scores)
    best = [index for index, score in enumerate(scores) if score == least]
    return best[0] if len(best) == 1 else rng.choice(best)
