"""Why and how a worker ends: asked once it drains, asked twice it ends now."""

import asyncio
import signal

from fastgate.launch import Lifeline
from fastgate.observability import log

# An orphan keeps the lock of the data directory, so it is given less time than an orderly drain.
ORPHAN_DRAIN_S = 5.0


class Stop:
    """Listens for SIGTERM, SIGINT and the supervisor's death. `limit_s` is how long to drain at most.

    SIGHUP opens the log file again.
    """

    def __init__(self, lifeline: Lifeline, drain_s: float) -> None:
        self.limit_s = drain_s
        self.requested = asyncio.Event()
        self.now = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._signalled)
        loop.add_signal_handler(signal.SIGHUP, log.reopen)
        lifeline.watch(self._orphaned)

    def _signalled(self) -> None:
        if self.requested.is_set():
            self.now.set()
        self.requested.set()

    def _orphaned(self) -> None:
        log.event("error", "the supervisor is gone: finishing the open requests, then ending")
        self.limit_s = min(self.limit_s, ORPHAN_DRAIN_S)
        self.requested.set()
