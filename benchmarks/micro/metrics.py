"""python -m benchmarks.micro.metrics"""

import functools
import tempfile

from benchmarks.micro.timing import compare, report
from tests.reference import metrics as reference

from fastgate._core import metrics

BOUNDS = tuple(25_000 * 2**i for i in range(20))
SERIES = 500

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        core = metrics.MetricsFile(f"{directory}/metrics", 1 << 22, True)
        oracle = reference.MetricsFile()

        def filled(file: metrics.MetricsFile | reference.MetricsFile) -> tuple[int, int]:
            for i in range(SERIES):
                file.counter(b'requests{model="%d"}' % i)
                file.histogram(b'seconds{model="%d"}' % i, BOUNDS)
            return file.counter(b'requests{model="7"}'), file.histogram(b'seconds{model="7"}', BOUNDS)

        handles = (filled(core), filled(oracle))

        def compared(name: str, method: str, which: int, *arguments: object) -> dict[str, object]:
            calls = [
                functools.partial(getattr(file, method), own[which], *arguments)
                for file, own in zip((core, oracle), handles, strict=True)
            ]
            return compare(name, calls[0], calls[1])

        report(
            [
                compared("metrics.add", "add", 0, 1),
                compared("metrics.observe", "observe", 1, 3_000_000),
                compared(
                    "metrics.observe, with an exemplar", "observe", 1, 3_000_000, b"x" * 32, 1_790_000_000_000
                ),
                compare("metrics.entries: 500 counters, 500 histograms", core.entries, oracle.entries),
            ]
        )
