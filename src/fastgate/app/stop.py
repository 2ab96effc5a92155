"""Why and how a worker ends: asked once it drains, asked twice it ends now."""

import asyncio
import signal

from fastgate.launch import Lifeline
from fastgate.observability import log

# An orphan keeps the lock of the data directory, so it is given less time than an orderly drain.
ORPHAN_DRAIN_S = 5.0


class Stop:
    """Listens for SIGTERM, SIGINT and the supervisor's death. SIGHUP opens the log file again."""

    def __init__(self, lifeline: Lifeline) -> None:
        self.requested = asyncio.Event()
        self.now = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(signum, self._signalled)
        self._loop.add_signal_handler(signal.SIGHUP, log.reopen)
        lifeline.watch(self._orphaned)

    def _signalled(self) -> None:
        if self.requested.is_set():
            self.now.set()
        self.requested.set()

    def _orphaned(self) -> None:
        log.event("error", "the supervisor is gone: finishing the open requests, then ending")
        self.requested.set()
        self._loop.call_later(ORPHAN_DRAIN_S, self.now.set)
