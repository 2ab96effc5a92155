"""Times a core function beside its pure-Python oracle, in one process and in turns; or something alone."""

import json
import timeit
from collections.abc import Callable, Iterable

_ROUNDS = 7
_SECONDS = 0.02


def compare(name: str, core: Callable[[], object], reference: Callable[[], object]) -> dict[str, object]:
    """Nanoseconds a call, the best of the rounds; the ratio is how many times slower the oracle is."""
    loops = {call: _loops(call) for call in (core, reference)}
    best = dict.fromkeys(loops, float("inf"))
    for _ in range(_ROUNDS):
        for call, number in loops.items():
            best[call] = min(best[call], timeit.timeit(call, number=number) / number * 1e9)
    return {
        "benchmark": name,
        "core_ns": round(best[core], 1),
        "reference_ns": round(best[reference], 1),
        "ratio": round(best[reference] / best[core], 1),
    }


def alone(name: str, call: Callable[[], object], budget_ns: int) -> dict[str, object]:
    """Nanoseconds a call, the best of the rounds, beside what it may take."""
    number = _loops(call)
    best = min(timeit.timeit(call, number=number) / number * 1e9 for _ in range(_ROUNDS))
    return {"benchmark": name, "ns": round(best, 1), "budget_ns": budget_ns}


def report(results: Iterable[dict[str, object]]) -> None:
    """One JSON line each."""
    for result in results:
        print(json.dumps(result), flush=True)


def _loops(call: Callable[[], object]) -> int:
    number = 1
    while timeit.timeit(call, number=number) < _SECONDS:
        number *= 2
    return number
