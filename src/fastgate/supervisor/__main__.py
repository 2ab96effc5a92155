"""`python -m fastgate.supervisor SETTINGS HANDED REPLACE CONFIG COMMAND…`: what `supervisor.begin` becomes,
with two descriptors."""

import os
import sys
from pathlib import Path

import msgspec

from fastgate.config.settings import Settings
from fastgate.supervisor.run import serve


def main() -> int:
    settings_fd, handed_fd, replace, config, *command = sys.argv[1:]
    with os.fdopen(int(settings_fd), "rb") as memory:
        memory.seek(0)
        settings = msgspec.msgpack.decode(memory.read(), type=Settings)
    os.set_inheritable(int(handed_fd), False)  # a successor has its own
    return serve(
        settings,
        int(handed_fd),
        Path(config) if config else None,
        replace=bool(replace),
        command=command,
    )


if __name__ == "__main__":
    sys.exit(main())
