"""Why and how a worker ends.

SIGTERM and SIGINT: it drains. Again: nothing, since a service manager signals every process of the
gateway and the supervisor signals its workers too. SIGQUIT, which the supervisor sends when it is told
twice: it ends now. SIGUSR1, when a successor serves: it drains, and answers what clients send meanwhile.
SIGUSR2: nothing; it is the supervisor's.
"""

import asyncio
import signal

from fastgate.launch import ORPHAN_DRAIN_S, Lifeline
from fastgate.observability import log


class Stop:
    """Listens for these signals and the supervisor's death. SIGHUP opens the log file again."""

    def __init__(self, lifeline: Lifeline) -> None:
        self.requested = asyncio.Event()
        self.superseded = False
        self.now = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(signum, self.requested.set)
        self._loop.add_signal_handler(signal.SIGUSR1, self._supersede)
        self._loop.add_signal_handler(signal.SIGQUIT, self._hurried)
        self._loop.add_signal_handler(signal.SIGHUP, log.reopen)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        lifeline.watch(self._orphaned)

    def _supersede(self) -> None:
        self.superseded = True
        self.requested.set()

    def _hurried(self) -> None:
        self.requested.set()
        self.now.set()

    def _orphaned(self) -> None:
        log.event("error", "the supervisor is gone: finishing the open requests, then ending")
        self.requested.set()
        self._loop.call_later(ORPHAN_DRAIN_S, self.now.set)
