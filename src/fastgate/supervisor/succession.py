"""What two supervisors say to each other when one takes the place of the other, over a Unix socket.

```
    successor                                          predecessor
                 ◀── Offer, listening socket, lock ──  or Refusal
                 ── Begin ──────────────────────────▶  ends its control process
                 ◀────────────────────────── Ready ──
    starts its control process and its workers
                 ── Serving ────────────────────────▶
                 ◀──────────────────────── Retired ──  drains, and exits
```

Until `Serving`, the end of the connection tells the predecessor that the successor has failed: it starts its
control process again, and nothing has happened. At any time it tells the successor that the predecessor is
dead: it goes on, since it has all that there is. Only a `Refusal` makes it give up. The socket keeps the
borders of messages (SOCK_SEQPACKET).
"""

import asyncio
import socket
from typing import Any, Final

import msgspec

from fastgate.store.layout import Running

MAX_MESSAGE: Final = 64 * 1024
START_S: Final = 60.0
"""In which a successor serves. The data plane needs no control process so long."""


class Offer(msgspec.Struct, frozen=True, tag=True):
    """`settings` are those that only a restart changes; `secret` is that of the ready-made virtual key."""

    fastgate: str
    running: Running
    settings: dict[str, Any]
    secret: str | None


class Begin(msgspec.Struct, frozen=True, tag=True):
    fastgate: str


class Ready(msgspec.Struct, frozen=True, tag=True):
    pass


class Serving(msgspec.Struct, frozen=True, tag=True):
    pass


class Retired(msgspec.Struct, frozen=True, tag=True):
    pass


class Refusal(msgspec.Struct, frozen=True, tag=True):
    reason: str


Message = Offer | Begin | Ready | Serving | Retired | Refusal

_decode: Final = msgspec.json.Decoder(Message).decode


def encode(message: Message) -> bytes:
    return msgspec.json.encode(message)


def decode(data: bytes) -> Message | None:
    """None: the other one is gone. ValueError: it does not speak this."""
    return _decode(data) if data else None


def send(connection: socket.socket, message: Message) -> None:
    """Never waits: there is room for the few that are sent. OSError: the other one is gone."""
    connection.send(encode(message))


async def receive(connection: socket.socket, wait_s: float | None) -> Message | None:
    """None: the other one is gone, and has said no more. TimeoutError; ValueError: it speaks otherwise."""
    async with asyncio.timeout(wait_s):
        try:
            data = await asyncio.get_running_loop().sock_recv(connection, MAX_MESSAGE)
        except ConnectionError:
            data = _last(connection)
    return decode(data)


def _last(connection: socket.socket) -> bytes:
    """What one that is gone had said: that it did not read all is told before."""
    try:
        return connection.recv(MAX_MESSAGE)
    except (ConnectionError, BlockingIOError):
        return b""


def hang_up(connection: socket.socket) -> Message | None:
    """The last word of the other one, which learns as it says any more that nobody listens. ValueError."""
    connection.shutdown(socket.SHUT_RD)
    return decode(_last(connection))
