"""The form of a virtual key's secret: `sk-fg-`, 43 characters of base62 (256 random bits), 6 of checksum.

For secret scanners: `\\bsk-fg-[0-9A-Za-z]{49}\\b`; the last 6 characters are the CRC-32 of the 43
before them in base62, most significant digit first, as in GitHub's tokens, so that a scanner rules
out chance matches and the gateway tells a typo from an unknown key. docs/keys.md has both.
"""

import binascii
from enum import Enum, auto
from typing import Final

PREFIX: Final = b"sk-fg-"
PATTERN: Final = r"\bsk-fg-[0-9A-Za-z]{49}\b"

_ALPHABET: Final = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_BITS: Final = 256
_RANDOM_CHARS: Final = 43
_CHECKSUM_CHARS: Final = 6
_LENGTH: Final = len(PREFIX) + _RANDOM_CHARS + _CHECKSUM_CHARS

_MIN_FOREIGN_CHARS: Final = 20
_MIN_FOREIGN_DISTINCT: Final = 8


class Verdict(Enum):
    """What a secret looks like, whether or not anybody knows it."""

    OURS = auto()
    MISTYPED = auto()
    FOREIGN = auto()
    FOREIGN_WEAK = auto()


def form(number: int) -> str:
    """The secret that a random number of 256 bits makes."""
    if number >> RANDOM_BITS:
        raise ValueError("a secret is made of 256 bits")
    body = _base62(number, _RANDOM_CHARS)
    return (PREFIX + body + _checksum(body)).decode("ascii")


def check(secret: bytes) -> Verdict:
    """`MISTYPED` has our prefix, but not the right length or checksum: nobody can ever have got it."""
    if secret.startswith(PREFIX):
        body = secret[len(PREFIX) : -_CHECKSUM_CHARS]
        intact = len(secret) == _LENGTH and secret[-_CHECKSUM_CHARS:] == _checksum(body)
        return Verdict.OURS if intact else Verdict.MISTYPED
    weak = len(secret) < _MIN_FOREIGN_CHARS or len(set(secret)) < _MIN_FOREIGN_DISTINCT
    return Verdict.FOREIGN_WEAK if weak else Verdict.FOREIGN


def _checksum(body: bytes) -> bytes:
    return _base62(binascii.crc32(body), _CHECKSUM_CHARS)


def _base62(number: int, width: int) -> bytes:
    digits = bytearray(width)
    for position in range(width - 1, -1, -1):
        number, digit = divmod(number, 62)
        digits[position] = _ALPHABET[digit]
    return bytes(digits)
