"""What the running gateway does for one that takes its place: see `succession`."""

import asyncio
import os
import socket
import struct
from pathlib import Path
from typing import Final

from fastgate import clock, tasks
from fastgate.observability import log
from fastgate.store.sockets import listen
from fastgate.supervisor import notify
from fastgate.supervisor.family import Family
from fastgate.supervisor.lock import Lock
from fastgate.supervisor.registry import Registry
from fastgate.supervisor.succession import (
    START_S,
    Begin,
    Message,
    Offer,
    Ready,
    Refusal,
    Retired,
    Serving,
    encode,
    receive,
    send,
)

BEGIN_S: Final = 30.0
"""In which a successor has looked at what it is offered."""
_BACKLOG: Final = 8
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred, of unix(7)


class Succession:
    """Waits for a successor at `path` once it leads, and hands over to it. One at a time: others wait."""

    def __init__(
        self,
        path: Path,
        offer: Offer | Refusal,
        *,
        listener: socket.socket,
        lock: Lock,
        family: Family,
        registry: Registry,
    ) -> None:
        """OSError: nobody can be awaited there."""
        self._path = path
        self._bound = path.with_suffix(".next")
        self._offer = encode(offer)
        self._public = listener
        self._lock = lock
        self._family = family
        self._registry = registry
        self._tidying: asyncio.Task[None] | None = None
        self._listener = listen(self._bound, socket.SOCK_SEQPACKET, _BACKLOG)
        self._connection: socket.socket | None = None

    def lead(self) -> None:
        """Be found at `path`, in place of a predecessor. OSError."""
        self._bound.replace(self._path)
        self._bound = self._path

    async def run(self) -> int:
        """Until one has taken over: its process id. The path is its own by then."""
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._listener)
            pid, user, _ = _CREDENTIALS.unpack(
                connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            )
            try:
                if user == os.geteuid() and await self._hand_over(connection, pid):
                    # Its end, which is that of this process, tells the successor that all is done here.
                    self._connection = connection
                    self._listener.close()
                    self._lock.give_up()
                    return int(pid)
            finally:
                if not self.succeeded:
                    connection.close()

    async def _hand_over(self, connection: socket.socket, pid: int) -> bool:
        try:
            socket.send_fds(connection, [self._offer], [self._public.fileno(), self._lock.fd])
            begin = await receive(connection, BEGIN_S)
        except (OSError, TimeoutError, ValueError) as error:
            log.event("warning", "nobody takes over", successor=pid, reason=str(error))
            return False
        if not isinstance(begin, Begin):
            return False
        log.event("info", "a successor starts; workers serve on", successor=pid, fastgate=begin.fastgate)
        notify.tell("RELOADING=1", f"MONOTONIC_USEC={clock.monotonic_ns() // 1_000}")
        await self._family.end_control()
        failure = await self._succeeded(connection, pid)
        if not failure:
            log.event("info", "a successor serves", successor=pid, fastgate=begin.fastgate)
            return True
        log.event(
            "error", "the successor does not serve; this gateway goes on", successor=pid, reason=failure
        )
        self._family.start_control()
        notify.tell(f"MAINPID={os.getpid()}", "READY=1")
        self._tidying = tasks.spawn(self._registry.forget_others(), "forget the successor's workers")
        return False

    async def _succeeded(self, connection: socket.socket, pid: int) -> str:
        """ "" where it serves; else why it does not."""
        try:
            send(connection, Ready())
            answer = await receive(connection, START_S)
            if isinstance(answer, Serving):
                notify.tell(f"MAINPID={pid}", "READY=1")  # before it says so itself
                send(connection, Retired())
                return ""
        except TimeoutError:
            _refuse(connection, f"it was not ready within {START_S:.0f} s")
            return f"it was not ready within {START_S:.0f} s"
        except (OSError, ValueError) as error:
            return str(error)
        return "it has ended" if answer is None else f"it says {type(answer).__name__}"

    @property
    def succeeded(self) -> bool:
        """Whether one has taken over."""
        return self._connection is not None

    def close(self) -> None:
        """No successor any more: the gateway ends. One that has taken over has the path."""
        if self._tidying is not None:
            self._tidying.cancel()
        if not self.succeeded:
            self._listener.close()
            self._bound.unlink(missing_ok=True)


def _refuse(connection: socket.socket, reason: str) -> None:
    message: Message = Refusal(reason)
    try:
        send(connection, message)
    except OSError as error:
        log.event("info", "the successor has ended", reason=str(error))
