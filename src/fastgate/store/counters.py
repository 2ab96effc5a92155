"""The `counters` file: its size, and what its header words mean. Slots are named by their users."""

from enum import IntEnum

from fastgate._core.shm import SharedSlots
from fastgate.store.data_dir import DataDir

# 4 MiB. The catalogues of all known providers, with ten credentials each, take half of it.
CAPACITY = 32_768
# A hash table is slow when it is nearly full, and slots of deployments that are gone stay taken.
ROOM = CAPACITY * 3 // 4


class Header(IntEnum):
    """Words of the header. A generation of 0 means that nothing has been published yet; the indexes of all
    workers that ever ran are below `WORKERS`."""

    GENERATION = 0
    SUPERVISOR_PID = 1
    STARTED_NS = 2
    WORKERS = 3


def create(data_dir: DataDir) -> SharedSlots:
    """A zeroed file in place of any older one. Only the supervisor does this, under its lock."""
    return SharedSlots(str(data_dir.counters), CAPACITY, True)


def attach(data_dir: DataDir) -> SharedSlots:
    return SharedSlots(str(data_dir.counters), CAPACITY, False)
