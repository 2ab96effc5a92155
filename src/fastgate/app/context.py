"""The seam between a worker's process and what it serves."""

from dataclasses import dataclass
from typing import Protocol

from fastgate._core.shm import SharedSlots
from fastgate.domain.snapshot import Snapshot
from fastgate.downstream.interface import Handler
from fastgate.store.data_dir import DataDir


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """All that a data plane needs from the process that it runs in.

    `index` is that of the predecessor where this worker replaces a dead one: what the dead one had in
    flight under this index is to be set back.
    """

    index: int
    data_dir: DataDir
    counters: SharedSlots
    snapshot: Snapshot
    metrics_enabled: bool
    max_series: int


class DataPlane(Protocol):
    """What a worker serves. All methods are called from the worker's event loop."""

    @property
    def handler(self) -> Handler: ...

    @property
    def complete(self) -> bool:
        """False where something of the first snapshot could not be had: it is to be applied again."""

    async def prepare(self) -> None:
        """Wait for what the first request may need, for some seconds at most."""

    def apply(self, snapshot: Snapshot) -> None:
        """Use this configuration for the requests that begin from now on; if it raises, nothing changed."""

    def start_drain(self) -> None:
        """Readiness is false from now on, and a further request on an open connection is refused."""

    def in_flight(self) -> int:
        """Requests that have not ended."""

    async def aclose(self) -> None:
        """End what is open with its terminal error, close the upstream side, write out logs."""
