"""Texts that are looked for in a body."""

import functools
import json
from collections.abc import Callable, Iterator

from benchmarks.micro.timing import Case
from tests.reference import literals as reference

from fastgate._core.literals import LiteralSet

LITERALS = (b'"image_url"', b'"input_image"', b'"input_audio"', b'"file"', b'"input_file"', b'"web_search')
TEXT = "The quick brown fox jumps over the lazy dog. "
SMALL = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": TEXT * 20}]}).encode()
PARTS = [{"type": "text", "text": TEXT * 4}] * 2
LARGE = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": PARTS}] * 50}).encode()


def finders(data: bytes) -> tuple[Callable[[], object], Callable[[], object]]:
    return (
        functools.partial(LiteralSet(LITERALS).present, data),
        functools.partial(reference.present, LITERALS, data),
    )


def cases() -> Iterator[Case]:
    yield Case("literals.present: six in a chat of 1 KB", *finders(SMALL))
    yield Case("literals.present: six in a chat of 20 KB, all in parts", *finders(LARGE))
