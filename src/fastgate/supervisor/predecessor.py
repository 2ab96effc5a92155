"""The gateway that runs, as the one sees it that is to take its place (`serve --replace`)."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from fastgate import __version__
from fastgate.config.restart import restart_only
from fastgate.config.settings import Settings
from fastgate.store.layout import Running
from fastgate.supervisor.errors import StartError
from fastgate.supervisor.family import HELPERS_S
from fastgate.supervisor.succession import (
    MAX_MESSAGE,
    Begin,
    Message,
    Offer,
    Ready,
    Refusal,
    Retired,
    Serving,
    decode,
    hang_up,
    receive,
    send,
)

_OFFER_S: Final = 5.0
_ANSWER_S: Final = HELPERS_S + 6.0
_FIXED: Final = ("server.host", "ledger.url")
"""Settings that belong to what is handed over, and so cannot be others afterwards; the port is a third."""


class Predecessor:
    """`listener` and `lock_fd` are its own, shared from now on. All it is asked raises StartError where it
    refuses, and nothing where it has died meanwhile."""

    def __init__(
        self, connection: socket.socket, offer: Offer, listener: socket.socket, lock_fd: int
    ) -> None:
        self.listener = listener
        self.lock_fd = lock_fd
        self.secret = offer.secret
        self._connection = connection
        self._offer = offer

    @classmethod
    def find(cls, path: Path) -> Self | None:
        """The one that listens there; None: nobody does. StartError: it says nothing."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.settimeout(_OFFER_S)
            connection.connect(str(path))
            data, fds = _received(connection)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return None
        except OSError as error:
            connection.close()
            raise StartError(
                f"the running gateway hands nothing over ({error}): it hangs, or is being replaced already"
            ) from None
        connection.setblocking(False)
        offer = _understood(data)
        if isinstance(offer, Refusal):
            raise StartError(offer.reason)
        if not isinstance(offer, Offer) or len(fds) != 2:
            raise StartError(
                "the running gateway hands nothing over: it ends at this moment, or is another user's"
            )
        return cls(connection, offer, socket.socket(fileno=fds[0]), fds[1])

    def check(self, settings: Settings) -> None:
        """StartError where the two cannot run at the same time. Nothing has happened then."""
        mine, other = Running(), self._offer.running
        if mine != other:
            raise StartError(
                f"fastgate {__version__} cannot take over from fastgate {self._offer.fastgate}, which runs, "
                f"as {_difference(mine, other)}: stop that one, and start this one without --replace. "
                "Nothing has been changed"
            )
        changed = [name for name in _FIXED if _differs(name, settings, self._offer.settings)]
        if settings.server.port not in (0, self.listener.getsockname()[1]):
            changed.append("server.port")
        if changed:
            raise StartError(
                f"{', '.join(changed)}: the running gateway has another value, and this takes a restart "
                "(without --replace). Nothing has been changed"
            )

    async def step_aside(self) -> None:
        """It serves on, without its control process: another one may run."""
        await self._ask(Begin(__version__), Ready)

    async def retire(self) -> None:
        """It drains, and exits: clients are served from here."""
        await self._ask(Serving(), Retired)

    async def ended(self) -> None:
        """Wait for its end."""
        while await receive(self._connection, wait_s=None) is not None:
            pass

    def close(self) -> None:
        """Where it has not retired, it goes on from here."""
        self._connection.close()

    async def _ask(self, message: Message, wanted: type[Message]) -> None:
        with suppress(ConnectionError):  # it may have refused before it went
            send(self._connection, message)
        try:
            answer = await receive(self._connection, _ANSWER_S)
        except TimeoutError:
            # One that answers after all must not think that it was heard: nobody would serve then.
            answer = hang_up(self._connection)
            if answer is None:
                raise StartError(f"the running gateway does not answer within {_ANSWER_S:.0f} s") from None
        except ValueError as error:
            raise StartError(f"the running gateway does not answer: {error}") from None
        if isinstance(answer, Refusal):
            raise StartError(f"the running gateway goes on: {answer.reason}")
        if answer is not None and not isinstance(answer, wanted):
            raise StartError(f"the running gateway answers {type(answer).__name__}")


def _received(connection: socket.socket) -> tuple[bytes, list[int]]:
    """A message, and the files that came with it. OSError."""
    data, fds, _, _ = socket.recv_fds(connection, MAX_MESSAGE, 2, socket.MSG_CMSG_CLOEXEC)
    for fd in fds:
        os.set_inheritable(fd, False)
    return data, fds


def _understood(data: bytes) -> Message | None:
    try:
        return decode(data)
    except msgspec.DecodeError as error:
        raise StartError(
            f"the running gateway is of another version, whose words this one does not know ({error}): stop "
            "that one, and start this one without --replace. Nothing has been changed"
        ) from None


def _difference(mine: Running, other: Running) -> str:
    if mine.ledger != other.ledger:
        return f"the ledger's schema is to change from {other.ledger} to {mine.ledger}"
    return "their processes share memory of different layouts"


def _differs(name: str, settings: Settings, offered: dict[str, Any]) -> bool:
    return bool(restart_only(settings)[name] != offered.get(name))
