"""Processes of a run: each is ended with all that it started; and what /proc says of them."""

import os
import re
import resource
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import psutil

_END_S: Final = 20.0
_FILES: Final = 65_536
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")


class Memory(NamedTuple):
    """Bytes of a whole process tree; in `pss` shared pages count once."""

    pss: int
    rss: int


def free_port() -> int:
    """A TCP port of loopback that nobody has just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], log: Path, environ: Mapping[str, str] = {}
) -> Iterator[subprocess.Popen[bytes]]:
    """The process inside the block; its output goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**_environment(), **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def many_files() -> None:
    """Let this process, and those that it starts, open as many sockets as 10,000 streams need."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(most, _FILES)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
    except (PermissionError, ValueError):  # more than there may be is for root alone
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _environment() -> dict[str, str]:
    """Without what would configure a gateway besides what the suite tells it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FASTGATE_") and not name.endswith(("_API_KEY", "_TOKEN", "_BASE_URL"))
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    tree = _tree(process.pid)
    process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in tree:
        if child.is_running():
            child.kill()
    psutil.wait_procs(tree, _END_S)


def last_line(log: Path) -> str:
    """Of what a process said, without colours."""
    lines = [line for line in _ANSI.sub("", log.read_text(errors="replace")).splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Until somebody listens there. TimeoutError, or ChildProcessError if the process ended."""
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise ChildProcessError(f"ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"does not listen after {seconds:.0f} s")
        time.sleep(0.002)


def memory(pid: int) -> Memory:
    """Of the process and all its descendants that live."""
    pss = rss = 0
    for process in _tree(pid):
        with suppress(psutil.NoSuchProcess):  # it ended just now
            used = process.memory_full_info()
            pss, rss = pss + used.pss, rss + used.rss
    return Memory(pss, rss)


def cpu_by_role(pid: int) -> dict[str, float]:
    """Seconds of user and system time of each kind of process in the tree."""
    times: dict[str, float] = {}
    for process in _tree(pid):
        with suppress(psutil.NoSuchProcess):
            used, role = process.cpu_times(), _role(process)
            times[role] = times.get(role, 0.0) + used.user + used.system
    return times


def listener(port: int) -> int | None:
    """Who listens there: the eldest of its processes; None where that is not to be seen."""
    pids = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid
    }
    return next((pid for pid in sorted(pids) if psutil.Process(pid).ppid() not in pids), None)


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _role(process: psutil.Process) -> str:
    """What a process is for: the module that Python runs, else its name and what it calls itself."""
    line = process.cmdline()
    if "-m" in line[:-1]:
        return line[line.index("-m") + 1]
    if line and line[0].startswith("nginx: "):
        return " ".join(line[0].split()[1:2])
    return process.name()
