"""The `counters` file: its size, and what its header words mean. Slots are named by their users."""

from enum import IntEnum

from fastgate._core.shm import SharedSlots
from fastgate.store.data_dir import DataDir

# 2 MiB, of which only the pages in use are resident. A deployment or credential takes a slot or two.
CAPACITY = 16_384


class Header(IntEnum):
    """Words of the header. A generation of 0 means that nothing has been published yet."""

    GENERATION = 0
    SUPERVISOR_PID = 1
    STARTED_NS = 2
    WORKERS = 3


def create(data_dir: DataDir) -> SharedSlots:
    """A zeroed file in place of any older one. Only the supervisor does this, under its lock."""
    return SharedSlots(str(data_dir.counters), CAPACITY, True)


def attach(data_dir: DataDir) -> SharedSlots:
    return SharedSlots(str(data_dir.counters), CAPACITY, False)
