"""`python -m fastgate.supervisor SETTINGS HANDED [CONFIG]`: what `supervisor.begin` becomes, with two
descriptors."""

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
    return serve(settings, int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)


if __name__ == "__main__":
    sys.exit(main())
