"""How many cores this process may use: what the default number of workers is."""

import math
import os
from pathlib import Path

# cgroup v2, as seen from inside a container: quota and period in microseconds, or `max`.
_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(cpu_max: Path = _CPU_MAX) -> int:
    """The cores of the affinity mask, or fewer where a container's CPU limit is below them."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = cpu_max.read_text().split()
    except (OSError, ValueError):
        return cores
    if not (quota.isdigit() and period.isdigit()):
        return cores
    return max(1, min(cores, math.ceil(int(quota) / int(period))))
