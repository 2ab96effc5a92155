"""The only place that reads the clock, so that tests can move it.

`monotonic_ns` is comparable between processes of one machine (CLOCK_MONOTONIC); `time_ns` is wall
time since the Unix epoch.
"""

import time
from collections.abc import Callable

monotonic_ns: Callable[[], int] = time.monotonic_ns
time_ns: Callable[[], int] = time.time_ns


def install(monotonic: Callable[[], int], wall: Callable[[], int]) -> None:
    """Replace both clocks. Callers reach them as `clock.monotonic_ns()`, never by `from` import."""
    global monotonic_ns, time_ns
    monotonic_ns, time_ns = monotonic, wall


def reset() -> None:
    install(time.monotonic_ns, time.time_ns)
