"""When the configuration is published: on a signal, on the socket, and when its file changes."""

import asyncio

import msgspec

from fastgate._core.shm import SharedSlots
from fastgate.control.handover import Handover
from fastgate.control.messages import ReloadResult
from fastgate.control.publish import Publisher
from fastgate.control.watch import POLL_S, FileWatcher
from fastgate.observability import log
from fastgate.store import processes

# How long `fastgate reload` waits for the workers, which look every 100 ms.
WORKERS_WAIT_S = 3.0
_LOOK_S = 0.02
# A storm of signals becomes one reload after the other, with time for other things in between.
PAUSE_S = 0.2


class Reloader:
    """Publishes once for a change, whoever was first. Made before the first `reload`, so that it sees what
    changes from then on."""

    def __init__(self, publisher: Publisher, counters: SharedSlots) -> None:
        self.publisher = publisher
        self._counters = counters
        self._signalled = asyncio.Event()
        file = publisher.file
        self._watcher = None if file is None else FileWatcher(file)

    def first(self, handed: Handover | None) -> ReloadResult:
        """What was handed over, where anything was."""
        if handed is None:
            return self.reload()
        if self._watcher is not None:
            self._watcher.handled(handed.file)
        return self.publisher.publish_compiled(handed.result)

    def reload(self) -> ReloadResult:
        if self._watcher is not None:
            self._watcher.handled()
        return self.publisher.publish()

    async def reload_everywhere(self) -> ReloadResult:
        """Also wait until the workers run on it; `behind` names those that do not in time."""
        result = self.reload()
        if not result.ok:
            return result
        behind = processes.behind(self._counters, result.generation)
        for _ in range(round(WORKERS_WAIT_S / _LOOK_S)):
            if not behind:
                break
            await asyncio.sleep(_LOOK_S)
            behind = processes.behind(self._counters, result.generation)
        return msgspec.structs.replace(result, behind=behind)

    def signalled(self) -> None:
        """SIGHUP: open the log file anew, and reload soon."""
        log.reopen()
        self._signalled.set()

    async def obey_signals(self) -> None:
        while True:
            await self._signalled.wait()
            self._signalled.clear()
            self.reload()
            await asyncio.sleep(PAUSE_S)

    async def tidy(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                self.publisher.tidy()
            except (OSError, ValueError) as error:
                log.event("error", "shared slots cannot be given free", error=str(error))

    async def watch(self) -> None:
        """Return at once where there is no file."""
        while self._watcher is not None:
            await asyncio.sleep(POLL_S)
            if self._watcher.poll():
                self.publisher.publish()
