"""What an init does: where the supervisor is process 1, as in a container, all orphans become its children.

Who runs `docker exec` leaves some, and so does a control process that was killed while children of its own
worked. Nobody waits for them, so each would stay a zombie for as long as the gateway runs.
"""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Final

from fastgate import tasks

_INIT: Final = 1
_PERIOD_S: Final = 2.0
_THREADS: Final = Path("/proc/self/task")


def adopt() -> None:
    """Collect orphans for as long as the running loop runs, where this process is who gets them."""
    if os.getpid() == _INIT:
        _ = tasks.spawn(_reap(), "orphans")


async def _reap() -> None:
    # Zombies that are there at two looks in a row. Children of ours are not: the loop learns of their end
    # between the two, and collects them itself.
    seen: set[int] = set()
    while True:
        await asyncio.sleep(_PERIOD_S)
        dead = {pid for pid in _children() if is_zombie(pid)}
        for pid in seen & dead:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 - it does not wait
        seen = dead


def _children() -> list[int]:
    # Any thread may have started one; it may also end while its file is read. Where nothing can be opened, as
    # all descriptors are in use, the next look makes up for it.
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in _THREADS.iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_bytes().split())
    return found


def is_zombie(pid: int) -> bool:
    """Whether that process has ended, and nobody has waited for it yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    # pid (name) state …: the name may have any bytes in it.
    return stat.rpartition(b")")[2].split()[0] == b"Z"
