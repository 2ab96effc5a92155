"""Counters and histograms in a mapped file."""

import functools
import tempfile
from collections.abc import Iterator

from benchmarks.micro.timing import Case
from tests.reference import metrics as reference

from fastgate._core import metrics

BOUNDS = tuple(25_000 * 2**i for i in range(20))
SERIES = 500


def filled(file: metrics.MetricsFile | reference.MetricsFile) -> tuple[int, int]:
    """Handles of a counter and a histogram in the middle of many."""
    for i in range(SERIES):
        file.counter(b'requests{model="%d"}' % i)
        file.histogram(b'seconds{model="%d"}' % i, BOUNDS)
    return file.counter(b'requests{model="7"}'), file.histogram(b'seconds{model="7"}', BOUNDS)


def cases() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as directory:
        core = metrics.MetricsFile(f"{directory}/metrics", 1 << 22, True)
        oracle = reference.MetricsFile()
        handles = (filled(core), filled(oracle))

        def compared(name: str, method: str, which: int, *arguments: object) -> Case:
            calls = [
                functools.partial(getattr(file, method), own[which], *arguments)
                for file, own in zip((core, oracle), handles, strict=True)
            ]
            return Case(name, calls[0], calls[1])

        yield compared("metrics.add", "add", 0, 1)
        yield compared("metrics.observe", "observe", 1, 3_000_000)
        yield compared(
            "metrics.observe, with an exemplar", "observe", 1, 3_000_000, b"x" * 32, 1_790_000_000_000
        )
        yield Case("metrics.entries: 500 counters, 500 histograms", core.entries, oracle.entries)
