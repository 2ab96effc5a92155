"""The Unix socket of the control process."""

import os
import socket
from pathlib import Path

BACKLOG = 128


def listen(path: Path) -> socket.socket:
    """Bind and listen, readable and writable by the owner only. Raises OSError.

    What stands at `path` is left from a dead control process: the data directory has one gateway.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except BaseException:
        listener.close()
        raise
    finally:
        os.umask(mask)
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener
