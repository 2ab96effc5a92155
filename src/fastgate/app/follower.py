"""How a worker notices a new configuration: the generation in the counters, then the snapshot file."""

import asyncio
from collections.abc import Callable

from fastgate._core.shm import SharedSlots
from fastgate.domain.snapshot import Snapshot
from fastgate.observability import log
from fastgate.store import snapshot as snapshot_file
from fastgate.store.counters import Header
from fastgate.store.data_dir import DataDir

_FIRST_POLL_S = 0.01


class SnapshotFollower:
    """Reads each published generation once."""

    def __init__(self, data_dir: DataDir, counters: SharedSlots) -> None:
        self._path = data_dir.snapshot
        self._counters = counters
        self._seen = 0

    async def first(self) -> Snapshot:
        """Wait until the control process has published one."""
        while (snapshot := self._newer()) is None:  # noqa: ASYNC110 (another process publishes)
            await asyncio.sleep(_FIRST_POLL_S)
        return snapshot

    def poll(self, apply: Callable[[Snapshot], None]) -> None:
        """Hand over the snapshot if there is a new one. What `apply` raises leaves the old one in use."""
        if (snapshot := self._newer()) is not None:
            apply(snapshot)
            log.event("info", "configuration in use", generation=snapshot.generation)

    def _newer(self) -> Snapshot | None:
        generation = self._counters.header_load(Header.GENERATION)
        if generation == self._seen:
            return None
        self._seen = generation
        return snapshot_file.read(self._path)
