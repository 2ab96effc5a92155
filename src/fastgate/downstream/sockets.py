"""The sockets that granian holds, and that its RSGI gives no access to: found by their two addresses."""

import os
import socket
import struct
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Final

_CLOSED: Final = 7  # TCP_CLOSE, of <netinet/tcp.h>


def find(local: str, peer: str) -> socket.socket | None:
    """A duplicate of this process's connection between these addresses (`1.2.3.4:80`, `[::1]:80`).

    To be closed by the caller; None where it is closed already. It looks at every file: not for each call.
    """
    wanted = _address(local), _address(peer)
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if not _connects(fd, *wanted):
            continue
        try:
            duplicate = socket.socket(fileno=os.dup(fd))
        except OSError:
            return None
        # Another thread closes and opens files: between the two looks, the number may have changed its owner.
        if _connects(duplicate.fileno(), *wanted):
            return duplicate
        duplicate.close()
    return None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _connects(fd: int, local: tuple[str, int], peer: tuple[str, int]) -> bool:
    try:
        # Not asked which family it is: there is room for the addresses of either.
        sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0, fileno=fd)
    except OSError:
        return False
    try:
        found: bool = sock.getpeername()[:2] == peer and sock.getsockname()[:2] == local
    except OSError:
        return False
    finally:
        sock.detach()
    return found


def taken(sock: socket.socket) -> bool:
    """Whether the peer has confirmed all that was sent (tcp(7), SIOCOUTQ). ConnectionError: it never will."""
    # The queue of a connection that was reset is not empty for the kernel.
    if sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _CLOSED:
        raise ConnectionResetError
    return struct.unpack("i", ioctl(sock.fileno(), TIOCOUTQ, bytes(4))) == (0,)
