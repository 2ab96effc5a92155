"""The children of the supervisor, in shared slots: read for status, and to see who runs on what.

Written by the supervisor, but for the generation of the configuration, which each worker writes itself.
"""

from enum import IntEnum
from typing import NamedTuple

from fastgate._core.shm import SharedSlots, key_of
from fastgate.store.counters import Header

CONTROL = "control"
SIMULATED = "sim"
SUPERVISOR = "supervisor"


class _Field(IntEnum):
    PID = 0
    RESTARTS = 1
    STARTED_NS = 2
    GENERATION = 3


class ProcessRecord(NamedTuple):
    """`pid` is 0 while the process is not running; `started_ns` is monotonic.

    `generation` is the one that a worker runs on: 0 until it serves, and for other processes.
    """

    name: str
    pid: int
    restarts: int
    started_ns: int
    generation: int = 0


def _key(name: str) -> int:
    return key_of(f"process/{name}".encode())


def worker_name(index: int) -> str:
    """People count from 1, slots from 0."""
    return f"worker-{index + 1}"


def record(counters: SharedSlots, process: ProcessRecord) -> None:
    """The supervisor's part; the generation is forgotten where the process is gone."""
    slot = counters.claim(_key(process.name))
    counters.store(slot, _Field.PID, process.pid)
    counters.store(slot, _Field.RESTARTS, process.restarts)
    counters.store(slot, _Field.STARTED_NS, process.started_ns)
    if not process.pid:
        counters.store(slot, _Field.GENERATION, 0)


def took(counters: SharedSlots, name: str, generation: int) -> None:
    """The worker's part: it runs on this generation."""
    counters.store(counters.claim(_key(name)), _Field.GENERATION, generation)


def read(counters: SharedSlots, name: str) -> ProcessRecord | None:
    slot = counters.find(_key(name))
    if slot < 0:
        return None
    return ProcessRecord(
        name,
        counters.load(slot, _Field.PID),
        counters.load(slot, _Field.RESTARTS),
        counters.load(slot, _Field.STARTED_NS),
        counters.load(slot, _Field.GENERATION),
    )


def taken(counters: SharedSlots) -> set[int]:
    """The indexes of the workers that are not forgotten, whoever started them: one that is dead may be
    started again."""
    indexes = range(counters.header_load(Header.WORKERS))
    return {index for index in indexes if counters.find(_key(worker_name(index))) >= 0}


def forget(counters: SharedSlots, name: str) -> None:
    """It has ended for good: its supervisor is gone, and the successor's processes have other names."""
    slot = counters.find(_key(name))
    if slot >= 0:
        counters.release(slot)


def behind(counters: SharedSlots, generation: int) -> tuple[str, ...]:
    """The workers that serve on an older configuration than this one."""
    return tuple(
        process.name for process in all_of(counters) if process.pid and 0 < process.generation < generation
    )


def all_of(counters: SharedSlots) -> list[ProcessRecord]:
    """Every child that was ever started and is not forgotten: workers in order, then control and the
    simulated provider."""
    names = [worker_name(index) for index in range(counters.header_load(Header.WORKERS))]
    found = (read(counters, name) for name in [*names, CONTROL, SIMULATED])
    return [process for process in found if process is not None]


def running(counters: SharedSlots) -> list[tuple[str, int]]:
    """Names and pids of all processes that run now, the supervisor included."""
    supervisor = (SUPERVISOR, counters.header_load(Header.SUPERVISOR_PID))
    return [supervisor, *((process.name, process.pid) for process in all_of(counters) if process.pid)]
