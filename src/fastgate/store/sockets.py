"""Unix sockets in the data directory."""

import os
import socket
from pathlib import Path


def listen(path: Path, kind: socket.SocketKind, backlog: int) -> socket.socket:
    """Bind and listen, readable and writable by the owner only. OSError.

    What stands at `path` is left from a dead process: the data directory has one gateway.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, kind)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(mask)
    listener.listen(backlog)
    listener.setblocking(False)
    return listener
