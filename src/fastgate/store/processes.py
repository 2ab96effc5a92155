"""The children of the supervisor, in shared slots: written by the supervisor, read for status and metrics."""

from enum import IntEnum
from typing import NamedTuple

from fastgate._core.shm import SharedSlots, key_of
from fastgate.store.counters import Header

CONTROL = "control"
SIMULATED = "sim"


class _Field(IntEnum):
    PID = 0
    RESTARTS = 1
    STARTED_NS = 2


class ProcessRecord(NamedTuple):
    """`pid` is 0 while the process is not running; `started_ns` is monotonic."""

    name: str
    pid: int
    restarts: int
    started_ns: int


def _key(name: str) -> int:
    return key_of(f"process/{name}".encode())


def worker_name(index: int) -> str:
    """People count from 1, slots from 0."""
    return f"worker-{index + 1}"


def record(counters: SharedSlots, process: ProcessRecord) -> None:
    slot = counters.claim(_key(process.name))
    counters.store(slot, _Field.PID, process.pid)
    counters.store(slot, _Field.RESTARTS, process.restarts)
    counters.store(slot, _Field.STARTED_NS, process.started_ns)


def read(counters: SharedSlots, name: str) -> ProcessRecord | None:
    slot = counters.find(_key(name))
    if slot < 0:
        return None
    return ProcessRecord(
        name,
        counters.load(slot, _Field.PID),
        counters.load(slot, _Field.RESTARTS),
        counters.load(slot, _Field.STARTED_NS),
    )


def all_of(counters: SharedSlots) -> list[ProcessRecord]:
    """Every child that was ever started: workers in order, then control and the simulated provider."""
    names = [worker_name(index) for index in range(counters.header_load(Header.WORKERS))]
    found = (read(counters, name) for name in [*names, CONTROL, SIMULATED])
    return [process for process in found if process is not None]
