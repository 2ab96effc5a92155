"""The children's states where other processes see them: shared slots for status, counters for metrics."""

import os
from pathlib import Path

from fastgate import clock
from fastgate._core.shm import SharedSlots
from fastgate.observability.metrics import Metrics, fresh_directory
from fastgate.store import processes
from fastgate.store.counters import Header
from fastgate.store.processes import ProcessRecord
from fastgate.supervisor.child import Child


class Registry:
    """Empties what an earlier run left, so it is made under the lock and before any child."""

    def __init__(self, counters: SharedSlots, data_dir: Path, max_series: int, workers: int) -> None:
        self._counters = counters
        self._metrics = Metrics(fresh_directory(data_dir), "supervisor", max_series)
        self._restarts: dict[str, int] = {}
        counters.header_store(Header.SUPERVISOR_PID, os.getpid())
        counters.header_store(Header.STARTED_NS, clock.monotonic_ns())
        counters.header_store(Header.WORKERS, workers)

    def changed(self, child: Child) -> None:
        state = child.state
        processes.record(
            self._counters, ProcessRecord(child.name, state.pid, state.restarts, state.started_ns)
        )
        if state.restarts > self._restarts.get(child.name, 0):
            self._restarts[child.name] = state.restarts
            self._metrics.worker_restarts.labels(child.name).inc()
