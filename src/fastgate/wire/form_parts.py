"""Splits a multipart form (RFC 7578) that is in memory as a whole, without copying its values.

Stricter than the RFC, since what one parser takes for data is a part to another: a delimiter stands at
the start of a line that ends in CRLF, and the boundary nowhere else. Every step is a search in C, so the
time is bounded by the bytes and `MAX_PARTS`.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from fastgate.wire.parameters import parse_parameters

MAX_PARTS: Final = 1000
MAX_HEADER_BYTES: Final = 8 * 1024

_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*)\r\n")
_PADDING: Final = re.compile(rb"[ \t]*\r\n")
_PLAIN_ENCODINGS: Final = frozenset({b"7bit", b"8bit", b"binary"})


class Part(NamedTuple):
    """The value is `body[start:end]`. `encoded`: it is not the bytes as they are."""

    name: bytes
    is_file: bool
    encoded: bool
    start: int
    end: int


def split_form(body: bytes, boundary: bytes) -> Iterator[Part]:
    """ValueError: not a form of this boundary, or one that parsers may read in different ways."""
    dashes = b"--" + boundary
    if not body.startswith((dashes, b"\r\n" + dashes)):
        raise ValueError("it does not begin with its boundary")
    at = body.index(dashes) + len(dashes)
    parts = 0
    while not body.startswith(b"--", at):
        parts += 1
        if parts > MAX_PARTS:
            raise ValueError(f"it has more than {MAX_PARTS} parts")
        padding = _PADDING.match(body, at)
        if padding is None:
            raise ValueError(f"a boundary is not the end of its line at byte {at}")
        start = padding.end()
        following = body.find(dashes, start)
        if following < 0:
            raise ValueError("it ends before its closing boundary")
        if not body.startswith(b"\r\n", following - 2):
            raise ValueError(f"its boundary stands within a part at byte {following}")
        yield _part(body, start, following - 2)
        at = following + len(dashes)


def _part(body: bytes, start: int, end: int) -> Part:
    disposition = encoding = None
    at = start
    while not body.startswith(b"\r\n", at):
        header = _HEADER.match(body, at, min(end, start + MAX_HEADER_BYTES))
        if header is None:
            raise ValueError(f"the headers of a part are broken at byte {at}")
        at = header.end()
        name = header[1].lower()
        if name == b"content-disposition":
            if disposition is not None:
                raise ValueError("a part has two Content-Disposition headers")
            disposition = header[2]
        elif name == b"content-transfer-encoding":
            encoding = header[2].strip().lower()
    at += 2
    if at > end:
        raise ValueError(f"a part ends within its headers, at byte {end}")
    kind, parameters = parse_parameters(disposition or b"")
    name = parameters.get(b"name", b"")
    odd = b"\\" in name or any(each.startswith(b"name*") for each in parameters)
    if kind != b"form-data" or b"name" not in parameters or odd:
        raise ValueError(f"a part has no plain name, at byte {start}")
    is_file = b"filename" in parameters or b"filename*" in parameters
    return Part(name, is_file, encoding not in {None, *_PLAIN_ENCODINGS}, at, end)
