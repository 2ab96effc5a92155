"""The children's states where other processes see them: shared slots for status, counters for metrics."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from fastgate import clock
from fastgate._core.shm import SharedSlots
from fastgate.observability import log
from fastgate.observability.metrics import Metrics, directory_of
from fastgate.store import processes
from fastgate.store.counters import Header
from fastgate.store.processes import ProcessRecord, worker_name
from fastgate.supervisor.child import Child
from fastgate.supervisor.orphans import is_zombie

_LOOK_S: Final = 0.1


class Registry:
    """Of the supervisor whose workers have the indexes `workers`; others may have theirs at the same time."""

    def __init__(self, counters: SharedSlots, data_dir: Path, max_series: int, workers: range) -> None:
        self._counters = counters
        self._directory = directory_of(data_dir)
        self._max_series = max_series
        self._workers = workers
        # A file of metrics has one writer, and the predecessor's supervisor still has its own.
        name = "supervisor" if not workers.start else f"supervisor-{workers.start + 1}"
        self._metrics = Metrics(self._directory, name, max_series)
        self._restarts: dict[str, int] = {}
        self._pids: dict[str, int] = {}
        bound = max(workers.stop, counters.header_load(Header.WORKERS))
        counters.header_store(Header.WORKERS, bound)

    def lead(self) -> None:
        """This is the gateway's supervisor from now on."""
        self._counters.header_store(Header.SUPERVISOR_PID, os.getpid())
        self._counters.header_store(Header.STARTED_NS, clock.monotonic_ns())

    def changed(self, child: Child) -> None:
        state = child.state
        recorded = processes.read(self._counters, child.name)
        # A successor has helpers of the same names, and forgets workers: their end here changes neither.
        if state.pid or (recorded is not None and recorded.pid == self._pids.get(child.name)):
            processes.record(
                self._counters, ProcessRecord(child.name, state.pid, state.restarts, state.started_ns)
            )
        self._pids[child.name] = state.pid
        if state.restarts > self._restarts.get(child.name, 0):
            self._restarts[child.name] = state.restarts
            self._metrics.worker_restarts.labels(child.name).inc()

    async def forget_others(self) -> None:
        """Wait for the end of the workers that other supervisors have left, and forget them all."""
        for index in range(self._counters.header_load(Header.WORKERS)):
            name = worker_name(index)
            found = processes.read(self._counters, name)
            if index in self._workers or found is None:
                continue
            if found.pid:
                await _end_of(found.pid)
                latest = processes.read(self._counters, name)
                if latest is None or latest.pid not in (0, found.pid):
                    continue  # somebody else has forgotten it, and the index may be a new worker's
                if latest.pid:  # its supervisor died before it
                    self._set_back(index)
            processes.forget(self._counters, name)
            try:
                # Made anew, its gauges are zero; what it has counted stays.
                Metrics(self._directory, name, self._max_series)
            except OSError as error:
                log.event("warning", "gauges of a worker that has ended stay", worker=name, reason=str(error))

    def _set_back(self, index: int) -> None:
        """What it had in flight when it was killed."""
        from fastgate.routing.health import Health  # nothing else here needs what it brings

        Health(self._counters, index)


async def _end_of(pid: int) -> None:
    """Of a process that need not be a child. A pidfd would tell of it, but not before Linux 5.3."""
    with suppress(ProcessLookupError, PermissionError):  # the number may be another user's process by then
        while not is_zombie(pid):
            os.kill(pid, 0)
            await asyncio.sleep(_LOOK_S)
