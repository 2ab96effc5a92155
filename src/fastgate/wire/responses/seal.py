"""Seals of all formats in `encrypted_content`, the one member of a reasoning item that clients keep as it is.

A seal travels there with the name of its format. What has none is OpenAI's own.
"""

from typing import Final, NamedTuple

from fastgate.domain.conversation import Thinking
from fastgate.domain.format import Format

_PREFIX: Final = "fastgate"
_FORMATS: Final = frozenset(Format)

HERE: Final = "here"
AHEAD: Final = "ahead"
REDACTED: Final = "redacted"
_PLACES: Final = frozenset({HERE, AHEAD, REDACTED})


class Seal(NamedTuple):
    """`place`: HERE seals the item's own text, AHEAD the text or tool call behind the item, and REDACTED is
    all there is of a thought."""

    format: Format | None
    text: str
    place: str = HERE


def carried(seal: Seal) -> str:
    """The `encrypted_content` for a client."""
    if seal.format is None or seal.format is Format.RESPONSES:
        return seal.text
    return f"{_PREFIX}.{seal.format.value}.{seal.place}.{seal.text}"


def opened(encrypted: str) -> Seal:
    """What `carried` was given."""
    parts = encrypted.split(".", 3)
    if len(parts) == 4 and parts[0] == _PREFIX and parts[1] in _FORMATS and parts[2] in _PLACES:
        return Seal(Format(parts[1]), parts[3], parts[2])
    return Seal(Format.RESPONSES, encrypted)


def encrypted_of(thinking: Thinking) -> str | None:
    if thinking.redacted is not None:
        return carried(Seal(thinking.format, thinking.redacted, REDACTED))
    return carried(Seal(thinking.format, thinking.signature)) if thinking.signature else None


def encrypted_ahead(signature: str) -> str:
    """Of a text or tool call, which only Gemini seals."""
    return carried(Seal(Format.GENERATE_CONTENT, signature, AHEAD))
