"""Keeping a process running, with small real ones."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.processes import in_thread

from fastgate import tasks
from fastgate.supervisor.child import Child, State

# A child that says that it serves; what it does then is appended.
READY = "import os, sys, time; os.write(int(sys.argv[1]), b'{}\\n'); "


def script(text: str) -> Callable[[int], Sequence[str]]:
    return lambda fd: (sys.executable, "-c", text, str(fd))


class Watched:
    """A child with the states that it went through."""

    def __init__(self, text: str, *, helper: bool = False) -> None:
        self.states: list[State] = []
        self._changed = asyncio.Event()
        self.child = Child("test", script(text), pass_fds=(), changed=self._note, helper=helper)

    def _note(self, child: Child) -> None:
        self.states.append(child.state)
        self._changed.set()

    async def until(self, condition: Callable[[State], bool]) -> State:
        async with asyncio.timeout(15):
            while not any(map(condition, self.states)):
                self._changed.clear()
                await self._changed.wait()
        return next(filter(condition, self.states))


@asynccontextmanager
async def running(text: str, *, helper: bool = False) -> AsyncIterator[Watched]:
    watched = Watched(text, helper=helper)
    run = tasks.spawn(watched.child.run(), "child")
    try:
        yield watched
    finally:
        watched.child.kill()
        await run


async def test_is_started_and_heard() -> None:
    async with running(READY + "time.sleep(60)") as watched:
        assert await asyncio.wait_for(watched.child.started, 15) == ""
        assert watched.child.state.pid


async def test_reason_of_a_refusal_is_heard() -> None:
    refuses = 'import os, sys; os.write(int(sys.argv[1]), b\'{"error": "no room"}\\n\'); sys.exit(1)'
    async with running(refuses) as watched:
        assert await asyncio.wait_for(watched.child.started, 15) == "no room"


async def test_is_started_again_when_it_dies() -> None:
    async with running(READY + "time.sleep(60)") as watched:
        first = await watched.until(lambda state: state.pid != 0)
        os.kill(first.pid, signal.SIGKILL)
        second = await watched.until(lambda state: state.pid not in {0, first.pid})
        assert second.restarts == 1
        assert State(0, 0, first.started_ns) in watched.states


async def test_dies_before_it_reports_and_is_started_again() -> None:
    async with running("import sys; sys.exit(3)") as watched:
        await watched.until(lambda state: state.restarts == 2)
        assert not watched.child.started.done()


async def test_that_never_serves_is_given_up_at_the_start() -> None:
    async with running("import sys; sys.exit(3)") as watched:
        reason = await asyncio.wait_for(watched.child.started, 15)
        assert reason == "test ended 3 times before it served (code 3): see the log"
        assert watched.child.state.restarts == 2


async def test_hang_up_waits_for_the_report(tmp_path: Path) -> None:
    """Before it the process may have no handler, and would die; afterwards it gets one for all."""
    start, heard = tmp_path / "start", tmp_path / "heard"
    for fifo in (start, heard):
        os.mkfifo(fifo)
    handler = f"lambda *_: open({str(heard)!r}, 'w').write('heard')"
    text = f"open({str(start)!r}).read(); import signal; signal.signal(signal.SIGHUP, {handler}); "
    async with running(text + READY + "time.sleep(60)") as watched:
        await watched.until(lambda state: state.pid != 0)
        for _ in range(3):
            watched.child.hang_up()
        await in_thread(lambda: start.write_text(""))
        assert await in_thread(heard.read_text) == "heard"
        watched.child.hang_up()
        assert await in_thread(heard.read_text) == "heard"
        assert watched.child.state.restarts == 0


async def test_a_helper_ends_with_its_lifeline() -> None:
    text = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY
    async with running(text + "os.read(int(sys.argv[1]), 1)", helper=True) as watched:
        await asyncio.wait_for(watched.child.started, 15)
        os.kill(watched.child.state.pid, signal.SIGTERM)
        watched.child.stop()
        await watched.until(lambda state: state.started_ns != 0 and state.pid == 0)


async def test_stopped_it_stays_away() -> None:
    async with running(READY + "time.sleep(60)") as watched:
        await asyncio.wait_for(watched.child.started, 15)
        watched.child.stop()
        await watched.until(lambda state: state.started_ns != 0 and state.pid == 0)
        assert watched.states[-1].restarts == 0


async def test_stopped_while_it_is_being_started() -> None:
    watched = Watched(READY + "time.sleep(60)")
    run = tasks.spawn(watched.child.run(), "child")
    await asyncio.sleep(0)
    watched.child.stop()
    await asyncio.wait_for(run, 15)
    assert watched.child.state.pid == 0


async def test_what_cannot_be_started_is_tried_again() -> None:
    started = asyncio.Event()
    attempts: list[int] = []

    def command(_lifeline_fd: int) -> Sequence[str]:
        attempts.append(1)
        if len(attempts) == 2:
            started.set()
        return ("/no/such/program",)

    child = Child("test", command, pass_fds=(), changed=lambda _child: None)
    run = tasks.spawn(child.run(), "child")
    await asyncio.wait_for(started.wait(), 15)
    child.stop()
    await run


async def test_ctrl_c_in_the_terminal_is_not_for_the_children() -> None:
    """The child is in a session of its own."""
    async with running(READY + "time.sleep(60)") as watched:
        await asyncio.wait_for(watched.child.started, 15)
        assert os.getsid(watched.child.state.pid) == watched.child.state.pid
