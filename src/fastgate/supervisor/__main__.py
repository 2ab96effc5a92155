"""`python -m fastgate.supervisor SETTINGS HANDED REPLACE CONFIG COMMAND…`: what `supervisor.begin` becomes,
with two descriptors."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from fastgate.config.settings import Settings
from fastgate.supervisor.run import serve

_STDERR: Final = 2


def main() -> int:
    settings_fd, handed_fd, replace, config, *command = sys.argv[1:]
    with os.fdopen(int(settings_fd), "rb") as pipe:
        settings = msgspec.msgpack.decode(pipe.read(), type=Settings)
    _keep()
    return serve(
        settings,
        int(handed_fd),
        Path(config) if config else None,
        replace=bool(replace),
        command=command,
    )


def _keep() -> None:
    """What this process was handed, such as the lock on the files of a single binary, is not for its
    successors; children are given what is theirs."""
    for fd in map(int, os.listdir("/proc/self/fd")):
        if fd > _STDERR:
            with suppress(OSError):  # that of the listing
                os.set_inheritable(fd, False)


if __name__ == "__main__":
    sys.exit(main())
