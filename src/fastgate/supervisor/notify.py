"""What a service manager is told: sd_notify(3), where there is one that listens."""

import os
import socket

from fastgate.observability import log


def tell(*assignments: str) -> None:
    """`READY=1` and the like, in one message."""
    place = os.environ.get("NOTIFY_SOCKET")
    if not place:
        return
    # A name that begins with @ is in no file system.
    address = f"\0{place[1:]}" if place.startswith("@") else place
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto("\n".join(assignments).encode(), address)
    except OSError as error:
        log.event("warning", "the service manager cannot be told", told=assignments, reason=str(error))
