"""All children of a running gateway: start them, wait until they serve, drain them, end them."""

import asyncio
from collections.abc import Callable, Sequence

from fastgate import tasks
from fastgate.launch import ENDING_S
from fastgate.observability import log
from fastgate.supervisor.child import Child

# After the workers, which take `ENDING_S` beyond their drain: nobody waits for an answer of theirs any more.
HELPERS_S = 4.0


class Family:
    """`workers` serve clients; the helpers (`control` makes the first and each later control process) are
    needed by them, and so are ended after them."""

    def __init__(
        self, workers: Sequence[Child], control: Callable[[], Child], simulated: Child | None
    ) -> None:
        self.workers = tuple(workers)
        self.control = control()
        self._new_control = control
        self._simulated = () if simulated is None else (simulated,)
        self._runs: dict[Child, asyncio.Task[None]] = {}

    @property
    def _helpers(self) -> tuple[Child, ...]:
        return (self.control, *self._simulated)

    def start(self) -> None:
        for child in (*self._helpers, *self.workers):
            self._runs[child] = tasks.spawn(child.run(), child.name)

    async def ready(self) -> str:
        """Return "" when all of them serve, or why one of them never will."""
        pending = {child.started for child in (*self._helpers, *self.workers)}
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for reason in (started.result() for started in done):
                if reason:
                    return reason
        return ""

    def reload(self) -> None:
        """Have control read the configuration again, and everyone open the log file again."""
        log.reopen()
        for child in (self.control, *self.workers):
            child.hang_up()

    async def end_control(self) -> None:
        """The workers go on without it, until another one takes its place."""
        await self._end((self.control,), HELPERS_S, asyncio.Event())

    async def give_back(self) -> None:
        """To a predecessor that goes on: what is open here may finish, and its books are kept there."""
        for worker in self.workers:
            worker.retire()
        await self.end_control()

    def start_control(self) -> None:
        """After `end_control`."""
        self.control = self._new_control()
        self._runs[self.control] = tasks.spawn(self.control.run(), self.control.name)

    async def drain(self, drain_s: float, now: asyncio.Event, *, superseded: bool) -> bool:
        """End the workers when their requests are done, at the latest after `drain_s`, or when `now` is
        set; then the others. `superseded`: a successor serves. False where something had to be killed."""
        end = Child.retire if superseded else Child.stop
        orderly = await self._end(self.workers, drain_s + ENDING_S, now, end)
        return await self._end(self._helpers, HELPERS_S, asyncio.Event()) and orderly

    async def _end(
        self,
        children: Sequence[Child],
        limit_s: float,
        now: asyncio.Event,
        end: Callable[[Child], None] = Child.stop,
    ) -> bool:
        for child in children:
            end(child)
        ended = tasks.spawn(self._all_ended(children), "ended")
        hurried = tasks.spawn(now.wait(), "hurried")
        try:
            await asyncio.wait({ended, hurried}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done() and now.is_set():
                for child in children:
                    child.hurry()
                await asyncio.wait({ended}, timeout=ENDING_S)
            if ended.done():
                return True
            left = [child.name for child in children if child.state.pid]
            log.event("error", "killing what does not end", children=left)
            for child in children:
                child.kill()
            await ended
            return False
        finally:
            hurried.cancel()

    async def _all_ended(self, children: Sequence[Child]) -> None:
        await asyncio.wait([self._runs[child] for child in children])
