"""How a worker notices a new configuration: the generation in the counters, then the snapshot file."""

import asyncio
from collections.abc import Callable

from fastgate._core.shm import SharedSlots
from fastgate.domain.snapshot import Snapshot
from fastgate.observability import log
from fastgate.store import processes
from fastgate.store import snapshot as snapshot_file
from fastgate.store.counters import Header
from fastgate.store.data_dir import DataDir

_FIRST_POLL_S = 0.01


class SnapshotFollower:
    """Takes over each published generation, and tells the other processes which one it is on."""

    def __init__(self, data_dir: DataDir, counters: SharedSlots, process: str) -> None:
        self._path = data_dir.snapshot
        self._counters = counters
        self._process = process
        self._taken = 0
        self._read: Snapshot | None = None
        self._failure: tuple[int, str] | None = None

    async def first(self) -> Snapshot:
        """Wait until the control process has published one. OSError, ValueError: it cannot be read."""
        while not self._counters.header_load(Header.GENERATION):  # noqa: ASYNC110 (another process publishes)
            await asyncio.sleep(_FIRST_POLL_S)
        self._read = snapshot_file.read(self._path)
        return self._read

    def poll(self, apply: Callable[[Snapshot], None]) -> None:
        """Hand over the snapshot if there is a new one.

        Where it cannot be read, or `apply` raises, the one in use stays, and each further poll tries
        again; each reason is logged once a generation.
        """
        generation = self._counters.header_load(Header.GENERATION)
        if generation <= self._taken:
            return
        try:
            if self._read is None or self._read.generation < generation:
                self._read = snapshot_file.read(self._path)
            apply(self._read)
        except Exception as error:
            self._failed(generation, f"{type(error).__name__}: {error}")
            return
        log.event("info", "configuration in use", generation=self._read.generation)
        self.in_use(self._read.generation)

    def in_use(self, generation: int, *, complete: bool = True) -> None:
        """The worker serves on this generation; where it is not `complete`, `poll` hands it over again."""
        processes.took(self._counters, self._process, generation)
        if complete:
            self._taken = generation
            self._read = None
            self._failure = None

    def _failed(self, generation: int, reason: str) -> None:
        if self._failure == (generation, reason):
            return
        self._failure = (generation, reason)
        log.event(
            "error",
            "configuration not usable here; the one in use stays, and this one is tried again",
            generation=generation,
            error=reason,
        )
