"""Seals in Messages, whose place for them is the `signature` of a thinking block."""

from typing import Final

from fastgate.domain.format import Format
from fastgate.wire.seals import Seal, labelled, unlabelled

FAMILY: Final = frozenset({Format.MESSAGES, Format.INVOKE})
"""Formats of one vendor: what one of them made, each of them takes back."""


def carried(seal: Seal) -> str:
    """The signature that a client is given."""
    if seal.format is None or seal.format in FAMILY:
        return seal.text
    return labelled(seal.format, seal)


def opened(signature: str, own: Format) -> Seal:
    """What `carried` was given; a signature without a format in it is of the format `own`."""
    return unlabelled(signature) or Seal(own, signature)
