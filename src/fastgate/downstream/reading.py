"""How granian's edges wait for a piece of a body."""

import asyncio
from typing import Any

from fastgate.downstream.refusals import too_slow
from fastgate.errors import GatewayError


class Reading:
    """Cancels the task that reads after a time, or when told: `asyncio.timeout` at a third of its cost."""

    __slots__ = ("_error", "_task", "timer")

    def __init__(self, task: asyncio.Task[Any] | None, seconds: float) -> None:
        self._task = task
        self._error: GatewayError | None = None
        self.timer = asyncio.get_running_loop().call_later(seconds, self._overdue, seconds)

    def _overdue(self, seconds: float) -> None:
        self.end(too_slow(seconds))

    def end(self, error: GatewayError) -> None:
        if self._error is None and self._task is not None:
            self._error = error
            self._task.cancel()

    def ended_by(self) -> GatewayError | None:
        """The error where a cancellation was ours, and ours alone."""
        if self._error is None or self._task is None or self._task.uncancel():
            return None
        return self._error
