"""Periodic calls on the event loop, without a task each."""

import asyncio
from collections.abc import Callable


class Periodic:
    """Calls `function` every `seconds` until closed. An exception goes to the loop's handler; the
    calls go on, because a timer that has silently stopped is worse than a failure that is repeated."""

    def __init__(self, seconds: float, function: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._function = function
        self._handle = self._loop.call_later(seconds, self._run)

    def _run(self) -> None:
        self._handle = self._loop.call_later(self._seconds, self._run)
        self._function()

    def close(self) -> None:
        self._handle.cancel()
