"""What the supervisor and its children agree on: the argument a child starts with, and its lifeline.

The lifeline is a socket pair. A child writes one `Report` to it when it serves, or when it cannot. To
read EOF from it means that the supervisor is gone, however it died; to the helpers of the workers (the
control process, the simulated provider) it also is how the supervisor ends them.
"""

import socket
import sys
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

import msgspec

# An orphan keeps the lock of the data directory, so it is given less time than an orderly drain.
ORPHAN_DRAIN_S: Final = 5.0
# From the end of a worker's drain to its exit, at most: terminal errors, slow clients, the log. Only what
# hangs (a log on a dead disk) takes longer, and is killed.
ENDING_S: Final = 8.0

Edge = Literal["native", "asgi", "rsgi"]
"""What speaks HTTP with the clients: see `downstream.edges`."""


class WorkerLaunch(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of one worker; file descriptors are inherited ones. Times are in seconds."""

    index: int
    data_dir: str
    listen_fd: int
    lifeline_fd: int
    edge: Edge
    backlog: int
    max_concurrent_requests: int
    keep_alive_s: float
    head_timeout_s: float
    drain_s: float
    tls: tuple[str, str] | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: str | None = None
    metrics_enabled: bool = True
    max_series: int = 10_000


class Embedded(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in where the configuration names no provider, or no virtual key; None: nothing does."""

    simulated_url: str | None = None
    simulated_models: tuple[str, ...] = ()
    key_hash: str | None = None


class ControlLaunch(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of the control process. `running` holds the settings that only a restart changes;
    `handed_fd` is the pipe of `control.handover`."""

    data_dir: str
    lifeline_fd: int
    handed_fd: int
    config_path: str | None
    embedded: Embedded
    running: dict[str, Any]
    max_series: int = 10_000
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: str | None = None


class Report(msgspec.Struct, frozen=True):
    """The child's only message: an empty `error` says that it serves."""

    error: str = ""


def program(module: str, *arguments: str) -> list[str]:
    """The command line of a process of ours: `module` as a program, whatever fastgate was started from."""
    # -P: a file in the current directory must not be taken for a module of ours or of the library.
    return [sys.executable, "-P", "-m", module, *arguments]


L = TypeVar("L", WorkerLaunch, ControlLaunch)


def parse(launch: type[L]) -> L:
    """The child's side of `encode`: its parameters are the only argument of its command line."""
    return msgspec.json.decode(sys.argv[1], type=launch)


def encode(launch: msgspec.Struct) -> str:
    return msgspec.json.encode(launch).decode()


class Lifeline:
    """The child's end."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)

    def report(self, error: str = "") -> None:
        """Tell the supervisor that this process serves, or the reason why it never will."""
        # What is quoted from the environment may not be UTF-8.
        text = error.encode(errors="replace").decode()
        try:
            self._socket.send(msgspec.json.encode(Report(text)) + b"\n")
        except OSError:
            # The supervisor is gone; `watch` says so, and ends the process in order.
            return

    def watch(self, ended: Callable[[], None]) -> None:
        """Call `ended` once, from the running loop, when the supervisor is gone or has ended the line."""
        import asyncio  # what only names an edge, as the settings do, starts without it

        loop = asyncio.get_running_loop()

        def readable() -> None:
            loop.remove_reader(self._socket)
            ended()

        loop.add_reader(self._socket, readable)
