"""Numbered server-sent events: each has its name twice, and its place in the stream."""

from typing import Any, Final

import msgspec

encode: Final = msgspec.json.Encoder().encode


def form(type_: str, members: bytes) -> bytes:
    """What `Events.fill` fills in: the number, and what `members` leaves open."""
    name = type_.encode()
    return b'event: %b\ndata: {"type":"%b","sequence_number":%%d,%b}\n\n' % (name, name, members)


class Events:
    """Of one stream."""

    __slots__ = ("_number", "_out")

    def __init__(self) -> None:
        self._number = 0
        self._out: list[bytes] = []

    def add(self, type_: str, **members: Any) -> None:
        data = encode({"type": type_, "sequence_number": self._number, **members})
        self._out.append(b"event: %b\ndata: %b\n\n" % (type_.encode(), data))
        self._number += 1

    def fill(self, form: bytes, *values: Any) -> None:
        self._out.append(form % (self._number, *values))
        self._number += 1

    def taken(self) -> bytes:
        """All since the last time."""
        out, self._out = self._out, []
        return out[0] if len(out) == 1 else b"".join(out)
