"""SIGUSR2: the gateway starts its own successor, by the command line that it was started by."""

import asyncio
import os
from collections.abc import Sequence
from typing import Final

from fastgate import tasks
from fastgate.observability import log

REPLACE: Final = "--replace"
INIT: Final = 1
_LOOK_S: Final = 0.2
CONTAINER: Final = "process 1 cannot be replaced, as the container ends with it: start another container"


class Upgrade:
    """What that command line leads to may have changed meanwhile: that is what it is for."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = [each for each in command if each != REPLACE] + [REPLACE]
        self._pid = 0

    def start(self) -> None:
        """Not while one is starting. It is no `Child`: it outlives this process where it succeeds."""
        if os.getpid() == INIT:
            log.event("error", CONTAINER)
            return
        if self._pid:
            log.event("warning", "a successor is starting already", successor=self._pid)
            return
        try:
            # Not by the event loop, which kills what it has started when it is closed.
            self._pid = os.posix_spawnp(self._command[0], self._command, os.environ)
        except OSError as error:
            log.event("error", "no successor can be started", command=self._command, reason=str(error))
            return
        log.event("info", "starting a successor", successor=self._pid, command=self._command)
        _ = tasks.spawn(self._watch(), "successor")

    async def _watch(self) -> None:
        status = None
        while status is None:
            await asyncio.sleep(_LOOK_S)
            pid, status = os.waitpid(self._pid, os.WNOHANG)  # noqa: ASYNC222 (it does not wait)
            if not pid:
                status = None
        log.event(
            "error",
            "the successor has ended: its reason is on standard error",
            successor=self._pid,
            exit=os.waitstatus_to_exitcode(status),
        )
        self._pid = 0
