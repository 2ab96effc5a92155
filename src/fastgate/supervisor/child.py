"""One child process that is kept running: started, listened to, and started again when it ends."""

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
_SIGNALS = {each.value: each.name for each in signal.Signals}  # real-time signals have no names
# A child that has never served, and has died so often, will not serve: the start of the gateway is refused.
MAX_FALSE_STARTS = 3


class State(NamedTuple):
    """`pid` is 0 while there is no process; `started_ns` is monotonic."""

    pid: int = 0
    restarts: int = 0
    started_ns: int = 0


class Child:
    """`command` gets the descriptor of the child's end of the lifeline. `changed` is told each new state.

    `started` is done with the first report: "" where the process serves, or why it never will; also
    where it died `MAX_FALSE_STARTS` times without a report. A `helper` is ended by the end of its
    lifeline, any other child by SIGTERM.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        *,
        pass_fds: Sequence[int],
        changed: Callable[["Child"], None],
        helper: bool = False,
    ) -> None:
        self.name = name
        self.state = State()
        self.started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._command = command
        self._pass_fds = tuple(pass_fds)
        self._changed = changed
        self._helper = helper
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._lifeline: socket.socket | None = None
        self._serves = False
        self._hang_up_due = False

    async def run(self) -> None:
        """Until `stop`: keep a process running."""
        backoff = Backoff()
        false_starts = 0
        while not self._stopping.is_set():
            code, exit_text = await self._live()
            if self._stopping.is_set():
                return
            lived_s = (clock.monotonic_ns() - self.state.started_ns) / 1e9
            delay_s = backoff.delay_s(lived_s)
            # Told to by a signal of somebody else's: of an operator, or of a service manager that stops
            # the gateway and signals its supervisor last.
            told = code in {0, -signal.SIGTERM}
            log.event(
                "info" if told else "error",
                "process ended as it was told; it is started again"
                if told
                else "process died; it is started again",
                child=self.name,
                exit=exit_text,
                lived_s=round(lived_s, 3),
                restart_in_s=delay_s,
            )
            false_starts += 1
            if false_starts >= MAX_FALSE_STARTS and not self.started.done():
                self.started.set_result(
                    f"{self.name} ended {false_starts} times before it served ({exit_text}): see the log"
                )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_s)

    async def _live(self) -> tuple[int, str]:
        """One process from start to end; its exit code, and how it ended in words."""
        restarts = self.state.restarts + (1 if self.state.started_ns else 0)
        self.state = State(0, restarts, clock.monotonic_ns())
        with contextlib.ExitStack() as open_sockets:
            try:
                ours, theirs = socket.socketpair()
                open_sockets.enter_context(ours).setblocking(False)
                with theirs:
                    process = await self._spawn(theirs.fileno())
            except OSError as exc:
                return 1, f"not started: {exc}"
            self._process, self._lifeline = process, ours
            self._set(self.state._replace(pid=process.pid))
            if self._stopping.is_set():
                self._end()
            try:
                await self._hear(ours)
                code = await process.wait()
                return code, _exit_text(code)
            finally:
                if process.returncode is None:
                    process.kill()
                self._process = self._lifeline = None
                self._serves = False
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
        else:
            self._serves = True
            if self._hang_up_due:
                self.hang_up()
        if not self.started.done():
            self.started.set_result(report.error)

    def _set(self, state: State) -> None:
        self.state = state
        self._changed(self)

    def stop(self) -> None:
        """Tell the process to end in order, and start no other."""
        self._stopping.set()
        self._end()

    def retire(self) -> None:
        """As `stop`, to a worker whose successor serves."""
        self._stopping.set()
        self._signal(signal.SIGUSR1)

    def _end(self) -> None:
        if not self._helper:
            self._signal(signal.SIGTERM)
        elif self._lifeline is not None:
            with contextlib.suppress(OSError):  # it has just ended by itself
                self._lifeline.shutdown(socket.SHUT_WR)

    def hurry(self) -> None:
        """After `stop`: not to wait for anything any more."""
        self._signal(signal.SIGQUIT)

    def hang_up(self) -> None:
        """SIGHUP, which would kill a process that has no handler yet: one that is starting gets it later."""
        self._hang_up_due = not self._serves
        if self._serves:
            self._signal(signal.SIGHUP)

    def kill(self) -> None:
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def _signal(self, signum: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signum)


def _exit_text(code: int) -> str:
    return f"code {code}" if code >= 0 else f"signal {_SIGNALS.get(-code, -code)}"
