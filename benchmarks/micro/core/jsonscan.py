"""Members of a JSON object, found and cut out without decoding it."""

import functools
import json
from collections.abc import Callable, Iterator

from benchmarks.micro.timing import Case
from tests.reference import jsonscan as reference

from fastgate._core import jsonscan

NAMES = (
    b"model",
    b"stream",
    b"stream_options",
    b"max_tokens",
    b"max_completion_tokens",
    b"n",
    b"user",
    b"fallbacks",
)

SMALL = json.dumps(
    {
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello there!"}],
        "temperature": 0.2,
        "max_tokens": 100,
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": "u-1",
    }
).encode()
LARGE = SMALL.replace(b"Hello there!", b'A \\"long\\" text, ' * 4096)
WIDE = json.dumps({f"key{i}": [i, {"x": i}] for i in range(10_000)}).encode()


def finders(data: bytes) -> tuple[Callable[[], object], Callable[[], object]]:
    return (
        functools.partial(jsonscan.find_members, data, NAMES),
        functools.partial(reference.find_members, data, NAMES),
    )


def cases() -> Iterator[Case]:
    yield Case("jsonscan.find_members: a chat of 250 bytes", *finders(SMALL))
    yield Case("jsonscan.find_members: a chat of 64 KiB", *finders(LARGE))
    yield Case("jsonscan.find_members: 10,000 keys", *finders(WIDE))
    found = reference.find_members(SMALL, (b"stream_options", b"user"))
    spans = [span for span in found if span is not None]
    yield Case(
        "jsonscan.remove_members: two of seven",
        functools.partial(jsonscan.remove_members, SMALL, spans),
        functools.partial(reference.remove_members, SMALL, spans),
    )
