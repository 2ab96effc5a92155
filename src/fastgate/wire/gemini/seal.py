"""Seals in Gemini's `thoughtSignature`: in base64, since proto JSON's `bytes` must be."""

from base64 import b64encode, urlsafe_b64decode
from binascii import Error
from typing import Final

from fastgate.domain.format import Format
from fastgate.wire.seals import Seal, labelled, unlabelled

OWN: Final = Format.GENERATE_CONTENT

UNSIGNED: Final = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""Either stands for the signature of a call that no Gemini made: as it is, not in base64. Source: "Thought
signatures", FAQ, of the Gemini API's documentation and Vertex's."""

_ENCODED: Final = b64encode(b"fastgate").decode()[:10]
"""What every carried seal begins with, in the first bytes that are base64 on their own."""


def carried(seal: Seal) -> str:
    """The `thoughtSignature` that a client is given."""
    if seal.format is None or seal.format is OWN:
        return seal.text
    return b64encode(labelled(seal.format, seal).encode()).decode()


def opened(signature: str) -> Seal:
    """What `carried` was given; all other signatures are Gemini's own."""
    if signature.startswith(_ENCODED):
        standard = signature.replace("+", "-").replace("/", "_")
        try:
            text = urlsafe_b64decode(standard + "=" * (-len(standard) % 4)).decode()
        except (Error, UnicodeDecodeError):
            return Seal(OWN, signature)
        return unlabelled(text) or Seal(OWN, signature)
    return Seal(OWN, signature)
