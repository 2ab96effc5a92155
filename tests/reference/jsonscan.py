"""What fastgate._core.jsonscan has to do, on top of Python's own json module."""

import json
import re
import sys

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()

Span = tuple[int, int, int]


class DuplicateKeyError(ValueError):
    def __init__(self, key: str, offset: int) -> None:
        super().__init__(key, offset)
        self.key = key
        self.offset = offset


def members(data: bytes) -> list[tuple[str, Span]]:
    """All top-level members. In Latin-1 the offsets of characters are those of the bytes."""
    text = data.decode("latin-1")

    def skip(at: int) -> int:
        match = _SPACE.match(text, at)
        assert match
        return match.end()

    found = []
    at = skip(0)
    if text[at : at + 1] != "{":
        raise ValueError("not an object")
    at = skip(at + 1)
    while text[at] != "}":
        _, key_end = _DECODER.raw_decode(text, at)
        value_start = skip(skip(key_end) + 1)
        _, end = _DECODER.raw_decode(text, value_start)
        found.append((json.loads(data[at:key_end]), (at, value_start, end)))
        at = skip(end)
        if text[at] == ",":
            at = skip(at + 1)
    return found


def find_members(data: bytes, names: tuple[bytes, ...], limit: int = sys.maxsize) -> list[Span | None]:
    found: dict[str, Span] = {}
    for key, span in members(data):
        if key in found:
            raise DuplicateKeyError(key.encode("utf-8", "surrogatepass").decode("utf-8", "replace"), span[0])
        found[key] = span
        if len(found) > limit:
            raise ValueError("too many")
    return [found.get(name.decode()) for name in names]


def remove_members(data: bytes, spans: list[Span]) -> bytes:
    """Semantically the same object without these members; the bytes in between are not defined here."""
    kept = [(key, span) for key, span in members(data) if span not in spans]
    return b"{" + b",".join(data[start:end] for _, (start, _, end) in kept) + b"}"
