"""The hash chain: what makes a change of the past visible.

A batch's hash is SHA-256 over the canonical bytes of (the hash of the batch before it, its number, the time
it was written), and then of each of its rows in order of number. The canonical bytes of a row are the
MessagePack array of its columns, in the order of `schema.ENTRIES`: text as UTF-8, integers in the shortest
form. So anyone can work the chain out again from the rows alone, of either database or an archive.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

GENESIS: Final = ""
"""What the first batch has for the hash of the one before it."""

_encode: Final = msgspec.msgpack.Encoder().encode


def batch_hash(previous: str, number: int, written_ns: int, rows: Iterable[tuple[object, ...]]) -> str:
    """In hexadecimal. Also of rows that were tampered with, whatever is in them."""
    digest = hashlib.sha256(_encode((previous, number, written_ns)))
    for row in rows:
        digest.update(_encode(row))
    return digest.hexdigest()
