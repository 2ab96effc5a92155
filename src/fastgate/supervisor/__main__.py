"""`python -m fastgate.supervisor FD [CONFIG]`: what `supervisor.begin` becomes; the settings are in FD."""

import os
import sys
from pathlib import Path

import msgspec

from fastgate.config.settings import Settings
from fastgate.supervisor.run import serve


def main() -> int:
    with os.fdopen(int(sys.argv[1]), "rb") as memory:
        memory.seek(0)
        settings = msgspec.msgpack.decode(memory.read(), type=Settings)
    return serve(settings, Path(sys.argv[2]) if len(sys.argv) > 2 else None)


if __name__ == "__main__":
    sys.exit(main())
