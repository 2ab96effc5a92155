"""The head of an answer, as bytes."""

from http import HTTPStatus
from typing import Final

from fastgate.downstream.interface import Header

_LINES: Final = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n".encode() for each in HTTPStatus}
NO_LENGTH: Final = frozenset({204, 304})
"""Such an answer has no body, and none is announced (RFC 9110 8.6)."""


def opening(status: int) -> bytes:
    """The status line (RFC 9112 4)."""
    return _LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


def fields(headers: list[Header]) -> bytes:
    """Header lines. ValueError for one that would be read as several."""
    pieces: list[bytes] = []
    for name, value in headers:
        pieces.append(name)
        pieces.append(b": ")
        pieces.append(value)
        pieces.append(b"\r\n")
    lines = b"".join(pieces)
    if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers):
        raise ValueError("a line break in a header")
    return lines
