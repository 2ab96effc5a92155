"""Seals of other formats (Gemini's thought signatures, encrypted reasoning of OpenAI's) in Messages.

A client of this format keeps the `signature` of a thinking block and sends it back, and knows no other place
for such things. So a foreign seal travels there with the name of its format, and is one again on its return.
"""

from typing import Final, NamedTuple

from fastgate.domain.format import Format

FAMILY: Final = frozenset({Format.MESSAGES, Format.INVOKE})
"""Formats of one vendor: what one of them made, each of them takes back."""

_PREFIX: Final = "fastgate"
_FORMATS: Final = frozenset(Format)


class Seal(NamedTuple):
    """`ahead`: it belongs to the text or tool use behind the block that carries it."""

    format: Format | None
    text: str
    ahead: bool = False


def carried(seal: Seal) -> str:
    """The signature that a client is given."""
    if seal.format is None or seal.format in FAMILY:
        return seal.text
    return f"{_PREFIX}.{seal.format.value}.{'ahead' if seal.ahead else 'here'}.{seal.text}"


def opened(signature: str, own: Format) -> Seal:
    """What `carried` was given; a signature without a format in it is of the format `own`."""
    if signature.startswith(_PREFIX):
        parts = signature.split(".", 3)
        if len(parts) == 4 and parts[0] == _PREFIX and parts[1] in _FORMATS:
            return Seal(Format(parts[1]), parts[3], ahead=parts[2] == "ahead")
    return Seal(own, signature)
