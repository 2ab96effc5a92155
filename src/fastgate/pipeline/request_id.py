"""Request ids: the client's own where it is fit for logs and headers, else a fresh one."""

import os
import re
from itertools import count
from typing import Final

_FIT: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}\Z")


class RequestIds:
    """Unique by 64 random bits a worker and a counter; cheaper than a UUID a request."""

    def __init__(self) -> None:
        self._prefix = "req_" + os.urandom(8).hex()
        self._count = count()

    def choose(self, offered: bytes | None) -> str:
        if offered is not None and _FIT.match(offered):
            return offered.decode("ascii")
        return f"{self._prefix}{next(self._count):08x}"
