"""Medians, spread, and ratios with a confidence interval, of the rounds of a run."""

import random
from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

from benchmarks.suite.results import Run, Turn

_RESAMPLES: Final = 2_000
_OUTSIDE: Final = 0.025  # on either side of an interval of 95 %


class Figure(NamedTuple):
    """The median of the rounds, the least and the greatest."""

    median: float
    low: float
    high: float


class Ratio(NamedTuple):
    """Of two medians of the same rounds, with the bounds of its 95 % confidence interval."""

    value: float
    low: float
    high: float


def good(run: Run, scenario: str, contestant: str) -> list[Turn]:
    """Its turns; none where any of them is void."""
    turns = run.of(scenario, contestant)
    return [] if any(turn.void for turn in turns) else turns


def figure(turns: Sequence[Turn], name: str) -> Figure | None:
    """None where it was not measured."""
    values = [turn.figures[name] for turn in turns if name in turn.figures]
    return Figure(median(values), min(values), max(values)) if values else None


def ratio(turns: Sequence[Turn], others: Sequence[Turn], name: str) -> Ratio | None:
    """How many times the others' figure it is. Rounds are drawn with replacement, the same for both: what
    disturbed a round disturbed both (bootstrap, percentile method)."""
    pairs = _pairs(turns, others, name)
    if not pairs:
        return None
    draw = random.Random(0)  # the same report of the same run
    resampled = sorted(
        filter(None, (_of_medians(draw.choices(pairs, k=len(pairs))) for _ in range(_RESAMPLES)))
    )
    value = _of_medians(pairs)
    if value is None or not resampled:
        return None
    cut = int(len(resampled) * _OUTSIDE)
    return Ratio(value, resampled[cut], resampled[-1 - cut])


def added(turns: Sequence[Turn], direct: Sequence[Turn], name: str) -> Figure | None:
    """What comes on top of the figure without a gateway, round by round."""
    differences = [mine - other for mine, other in _pairs(turns, direct, name)]
    return Figure(median(differences), min(differences), max(differences)) if differences else None


def _pairs(turns: Sequence[Turn], others: Sequence[Turn], name: str) -> list[tuple[float, float]]:
    theirs = {turn.round: turn.figures[name] for turn in others if name in turn.figures}
    return [
        (turn.figures[name], theirs[turn.round])
        for turn in turns
        if name in turn.figures and turn.round in theirs
    ]


def _of_medians(pairs: Sequence[tuple[float, float]]) -> float | None:
    below = median(other for _, other in pairs)
    return median(mine for mine, _ in pairs) / below if below else None
