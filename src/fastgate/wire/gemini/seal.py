"""Seals of other formats' thinking in Gemini's `thoughtSignature`.

A client of Gemini's sends back every signature that it was given. So another vendor's travels there with the
name of its format, in base64 since proto JSON's `bytes` must be, and is one again on its return.
"""

from base64 import b64encode, urlsafe_b64decode
from binascii import Error
from typing import Final, NamedTuple

from fastgate.domain.format import Format

OWN: Final = Format.GENERATE_CONTENT

UNSIGNED: Final = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
"""Either stands for the signature of a call that no Gemini made: as it is, not in base64. Source: "Thought
signatures", FAQ, of the Gemini API's documentation and Vertex's."""

_MARK: Final = "fastgate"
_FORMATS: Final = {each.value: each for each in Format}
_ENCODED: Final = b64encode(_MARK.encode()).decode()[:10]
"""What every carried seal begins with, in the first bytes that are base64 on their own."""


class Seal(NamedTuple):
    """Of a format's thinking: its signature, or all there is of a block that may not be read."""

    format: Format
    text: str
    redacted: bool = False


def carried(seal: Seal) -> str:
    """The `thoughtSignature` that a client is given."""
    if seal.format is OWN:
        return seal.text
    kind = "redacted" if seal.redacted else "signature"
    return b64encode(f"{_MARK}.{seal.format.value}.{kind}.{seal.text}".encode()).decode()


def opened(signature: str) -> Seal:
    """What `carried` was given; all other signatures are Gemini's own."""
    if signature.startswith(_ENCODED):
        standard = signature.replace("+", "-").replace("/", "_")
        try:
            parts = urlsafe_b64decode(standard + "=" * (-len(standard) % 4)).decode().split(".", 3)
        except (Error, UnicodeDecodeError):
            return Seal(OWN, signature)
        if len(parts) == 4 and parts[0] == _MARK and parts[1] in _FORMATS:
            return Seal(_FORMATS[parts[1]], parts[3], redacted=parts[2] == "redacted")
    return Seal(OWN, signature)
