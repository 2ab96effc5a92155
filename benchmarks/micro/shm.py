"""python -m benchmarks.micro.shm"""

import functools
import tempfile

from benchmarks.micro.timing import compare, report
from tests.reference import shm as reference

from fastgate._core import shm

CAPACITY = 4096
KEY = shm.key_of(b"openai/gpt-4o")

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        core = shm.SharedSlots(f"{directory}/slots", CAPACITY, True)
        oracle = reference.SharedSlots(CAPACITY)
        slots = (core.claim(KEY), oracle.claim(KEY))

        def compared(method: str, *arguments: int) -> dict[str, object]:
            calls = [
                functools.partial(getattr(table, method), slot, *arguments)
                for table, slot in zip((core, oracle), slots, strict=True)
            ]
            return compare(f"shm.{method}", calls[0], calls[1])

        report(
            [
                compared("load", 0),
                compared("add", 0, 1),
                compared("compare_exchange", 1, 0, 0),
                compare("shm.find", functools.partial(core.find, KEY), functools.partial(oracle.find, KEY)),
                compare(
                    "shm.key_of",
                    functools.partial(shm.key_of, b"openai/gpt-4o"),
                    functools.partial(reference.key_of, b"openai/gpt-4o"),
                ),
            ]
        )
