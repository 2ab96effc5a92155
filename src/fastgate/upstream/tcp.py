"""TCP connections to whichever of several addresses answers first."""

import asyncio
import os
import socket
from typing import Final

from fastgate import tasks
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.upstream.dns import Address

# The next address is tried beside the former when that has not answered for so long (RFC 8305 5).
ATTEMPT_DELAY_S: Final = 0.25
# A model may think for minutes; middleboxes forget a flow that is silent for so long.
_KEEPALIVE_S: Final = 45


async def open_socket(addresses: tuple[Address, ...]) -> socket.socket:
    """Connect to the address that answers first: each has a head start over the next.

    Raises UpstreamError (CONNECT_REFUSED, or CONNECT_TIMEOUT if the system gave up) for the last failure.
    """
    attempts: list[asyncio.Task[socket.socket | OSError]] = []
    winner: socket.socket | None = None
    failure: OSError | None = None
    try:
        while winner is None:
            pending = [task for task in attempts if not task.done()]
            untried = len(attempts) < len(addresses)
            if untried:
                attempt = _connect_socket(addresses[len(attempts)])
                pending.append(tasks.spawn(attempt, "upstream-tcp"))
                attempts.append(pending[-1])
                untried = len(attempts) < len(addresses)
            elif not pending:
                break
            done, _ = await asyncio.wait(
                pending,
                timeout=ATTEMPT_DELAY_S if untried else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for result in [task.result() for task in done]:
                if isinstance(result, OSError):
                    failure = result
                else:
                    winner = result
    finally:
        for task in attempts:
            if not task.cancel() and not task.cancelled():
                loser = task.result()
                if isinstance(loser, socket.socket) and loser is not winner:
                    loser.close()
    if winner is not None:
        return winner
    if isinstance(failure, TimeoutError):
        raise UpstreamError(FailureKind.CONNECT_TIMEOUT, "no answer to the connection attempt")
    # Not the exception's own text, which names the address.
    reason = os.strerror(failure.errno) if failure is not None and failure.errno else "no usable address"
    raise UpstreamError(FailureKind.CONNECT_REFUSED, f"cannot connect: {reason}")


async def _connect_socket(address: Address) -> socket.socket | OSError:
    try:
        sock = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as exc:
        return exc
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_S)
        await asyncio.get_running_loop().sock_connect(sock, address.sockaddr)
    except OSError as exc:
        sock.close()
        return exc
    except BaseException:
        sock.close()
        raise
    return sock
