"""What `observability.log` has written, as a test reads it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from fastgate.observability import log

Lines = Callable[[], list[dict[str, Any]]]


@contextmanager
def recorded(path: Path) -> Iterator[Lines]:
    """The lines from now on, in a file of their own."""
    log.configure("info", str(path), "test")

    def lines() -> list[dict[str, Any]]:
        log.flush()
        return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]

    try:
        yield lines
    finally:
        log.configure("info", None, "test")
