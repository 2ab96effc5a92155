"""One child process that is kept running: started, listened to, and started again when it dies."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from fastgate import clock
from fastgate.launch import Report
from fastgate.observability import log
from fastgate.supervisor.backoff import Backoff

_MAX_REPORT_BYTES = 1 << 20


class State(NamedTuple):
    """`pid` is 0 while there is no process; `started_ns` is monotonic."""

    pid: int = 0
    restarts: int = 0
    started_ns: int = 0


class Child:
    """`command` gets the descriptor of the child's end of the lifeline. `changed` is told each new state.

    `started` is done with the first report: "" where the process serves, or why it never will.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        *,
        pass_fds: Sequence[int],
        changed: Callable[["Child"], None],
    ) -> None:
        self.name = name
        self.state = State()
        self.started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._command = command
        self._pass_fds = tuple(pass_fds)
        self._changed = changed
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None

    async def run(self) -> None:
        """Until `stop`: keep a process running."""
        backoff = Backoff()
        while not self._stopping.is_set():
            exit_text = await self._live()
            if self._stopping.is_set():
                return
            lived_s = (clock.monotonic_ns() - self.state.started_ns) / 1e9
            delay_s = backoff.delay_s(lived_s)
            log.event(
                "error",
                "process died; it is started again",
                child=self.name,
                exit=exit_text,
                lived_s=round(lived_s, 3),
                restart_in_s=delay_s,
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _live(self) -> str:
        """One process from start to end; how it ended."""
        restarts = self.state.restarts + (1 if self.state.started_ns else 0)
        self.state = State(0, restarts, clock.monotonic_ns())
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with ours:
            try:
                with theirs:
                    process = await self._spawn(theirs.fileno())
            except OSError as exc:
                return f"not started: {exc}"
            self._process = process
            self._set(self.state._replace(pid=process.pid))
            if self._stopping.is_set():
                self.signal(signal.SIGTERM)
            try:
                await self._hear(ours)
                return _exit_text(await process.wait())
            finally:
                if process.returncode is None:
                    process.kill()
                self._process = None
                self._set(self.state._replace(pid=0))

    async def _spawn(self, lifeline_fd: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command(lifeline_fd),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=(lifeline_fd, *self._pass_fds),
            # Away from the terminal: Ctrl-C reaches the supervisor, which drains.
            start_new_session=True,
        )

    async def _hear(self, lifeline: socket.socket) -> None:
        """Wait for the report, or for the child's end."""
        loop = asyncio.get_running_loop()
        received = b""
        while not received.endswith(b"\n"):
            piece = await loop.sock_recv(lifeline, 65_536)
            received += piece
            if not piece or len(received) > _MAX_REPORT_BYTES:
                return
        report = msgspec.json.decode(received, type=Report)
        if report.error:
            log.event("error", "process cannot serve", child=self.name, reason=report.error)
        if not self.started.done():
            self.started.set_result(report.error)

    def _set(self, state: State) -> None:
        self.state = state
        self._changed(self)

    def stop(self) -> None:
        """Tell the process to end in order, and start no other. Told twice, it ends at once."""
        self._stopping.set()
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        self._stopping.set()
        self.signal(signal.SIGKILL)

    def signal(self, signum: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signum)


def _exit_text(code: int) -> str:
    return f"code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
