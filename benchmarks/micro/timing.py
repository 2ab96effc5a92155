"""CPU time of a call, and that of a calibration loop beside it: the one as a multiple of the other says as
much on a slow or busy machine as on a fast one.

All take turns, batch by batch; what counts is the lower quartile of the batches.
"""

import time
import timeit
from collections.abc import Callable, Iterable, Iterator
from statistics import quantiles
from typing import Final, NamedTuple


class Case(NamedTuple):
    """Something to be called over and over; `each` is how many of what `name` says one call does."""

    name: str
    call: Callable[[], object]
    reference: Callable[[], object] | None = None
    """What does the same in plain Python, for comparison."""
    each: int = 1


class Effort(NamedTuple):
    """How long to look. `reference`: at the plain Python too."""

    rounds: int
    batch_ns: int
    reference: bool


class Measured(NamedTuple):
    """`turns`: what it takes as a multiple of a turn of the calibration loop; `ratio`: how much longer the
    plain Python takes."""

    name: str
    ns: float
    turns: float
    ratio: float | None = None


THOROUGH: Final = Effort(rounds=25, batch_ns=4_000_000, reference=True)
QUICK: Final = Effort(rounds=7, batch_ns=500_000, reference=False)


def measured(cases: Iterable[Case], effort: Effort) -> Iterator[Measured]:
    """One after the other; `cases` may make what the next one needs, and remove it behind it."""
    for case in cases:
        calls = {"case": case.call, "turn": turn}
        if effort.reference and case.reference is not None:
            calls["reference"] = case.reference
        ns = _each_ns(calls, effort)
        own_ns = ns["case"] / case.each
        ratio = ns["reference"] / ns["case"] if "reference" in ns else None
        yield Measured(case.name, own_ns, own_ns / ns["turn"], ratio)


def lower_quartile(times: list[float] | list[int]) -> float:
    """Where other processes have not taken their share of the time."""
    return quantiles(times, n=4, method="inclusive")[0]


def batch_ns(call: Callable[[], object], number: int) -> int:
    """CPU time of all threads for `number` calls."""
    taken = timeit.Timer(call, timer=time.process_time_ns).timeit(number)
    return int(taken)


def _each_ns(calls: dict[str, Callable[[], object]], effort: Effort) -> dict[str, float]:
    numbers = {name: _enough(call, effort.batch_ns) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(effort.rounds):
        for name, call in calls.items():
            times[name].append(batch_ns(call, numbers[name]) / numbers[name])
    return {name: lower_quartile(each) for name, each in times.items()}


def _enough(call: Callable[[], object], least_ns: int) -> int:
    """Calls that a batch needs to take `least_ns`."""
    number = 1
    while (taken := batch_ns(call, number)) < least_ns:
        number = max(2 * number, number * least_ns // max(taken, 1))
    return number


# --- the calibration loop ------------------------------------------------------------------------


class _Walker:
    """Of what a request's Python is made: slots, calls, dictionaries, bytes, tuples, integers."""

    __slots__ = ("position", "seen")

    def __init__(self) -> None:
        self.position = 0
        self.seen: dict[bytes, int] = {}

    def step(self, name: bytes, by: int) -> tuple[bytes, int]:
        self.position = (self.position + by) & 0xFFFF
        self.seen[name] = self.position
        return name, self.position


_NAMES: Final = (b"content-type", b"authorization", b"host", b"x-request-id")


def turn() -> None:
    """About a microsecond of plain Python on the machine of `budget.toml`. Never to be changed alone: all
    budgets are multiples of it."""
    walker = _Walker()
    for by, name in enumerate(_NAMES):
        key, position = walker.step(name, by)
        if len(b": ".join((key, b"%d" % position))) > 99:
            raise AssertionError
