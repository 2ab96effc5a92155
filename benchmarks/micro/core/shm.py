"""Slots of atomics that all workers share."""

import functools
import tempfile
from collections.abc import Iterator

from benchmarks.micro.timing import Case
from tests.reference import shm as reference

from fastgate._core import shm

CAPACITY = 4096
NAME = b"openai/gpt-4o"
KEY = shm.key_of(NAME)


def cases() -> Iterator[Case]:
    with tempfile.TemporaryDirectory() as directory:
        core = shm.SharedSlots(f"{directory}/slots", CAPACITY, True)
        oracle = reference.SharedSlots(CAPACITY)
        slots = (core.claim(KEY), oracle.claim(KEY))

        def compared(method: str, *arguments: int) -> Case:
            calls = [
                functools.partial(getattr(table, method), slot, *arguments)
                for table, slot in zip((core, oracle), slots, strict=True)
            ]
            return Case(f"shm.{method}", calls[0], calls[1])

        yield compared("load", 0)
        yield compared("add", 0, 1)
        yield compared("compare_exchange", 1, 0, 0)
        yield Case("shm.find", functools.partial(core.find, KEY), functools.partial(oracle.find, KEY))
        yield Case(
            "shm.key_of",
            functools.partial(shm.key_of, NAME),
            functools.partial(reference.key_of, NAME),
        )
