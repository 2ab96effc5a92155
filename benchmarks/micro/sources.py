"""All that is measured, by the section of `budget.toml` that it is in."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Final

from benchmarks.micro import keys, ledger, native_edge, phases, translation
from benchmarks.micro.core import (
    accounts,
    bucket,
    budget,
    holds,
    journal,
    jsonscan,
    literals,
    metrics,
    shm,
    sse,
)
from benchmarks.micro.timing import Case, Effort, Measured, measured

_CORE: Final = (accounts, bucket, budget, holds, journal, jsonscan, literals, metrics, shm, sse)


def _core() -> Iterator[Case]:
    return chain.from_iterable(module.cases() for module in _CORE)


def _of(cases: Callable[[], Iterator[Case]], effort: Effort) -> Iterator[Measured]:
    return measured(cases(), effort)


SOURCES: Final[dict[str, Callable[[Effort], Iterable[Measured]]]] = {
    "core": partial(_of, _core),
    "translation": partial(_of, translation.cases),
    "phases": phases.measured,
    "native_edge": native_edge.measured,
    "keys": partial(_of, keys.cases),
    "ledger": partial(_of, ledger.cases),
}
