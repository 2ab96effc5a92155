"""Seals in `encrypted_content`, the one member of a reasoning item that clients keep as it is. What has no
format's name on it is OpenAI's own."""

from fastgate.domain.conversation import Thinking
from fastgate.domain.format import Format
from fastgate.wire.seals import AHEAD, REDACTED, Seal, labelled, unlabelled


def carried(seal: Seal) -> str:
    """The `encrypted_content` for a client."""
    if seal.format is None or seal.format is Format.RESPONSES:
        return seal.text
    return labelled(seal.format, seal)


def opened(encrypted: str) -> Seal:
    """What `carried` was given."""
    return unlabelled(encrypted) or Seal(Format.RESPONSES, encrypted)


def encrypted_of(thinking: Thinking) -> str | None:
    if thinking.redacted is not None:
        return carried(Seal(thinking.format, thinking.redacted, REDACTED))
    return carried(Seal(thinking.format, thinking.signature)) if thinking.signature else None


def encrypted_ahead(signature: str) -> str:
    """Of a text or tool call, which only Gemini seals."""
    return carried(Seal(Format.GENERATE_CONTENT, signature, AHEAD))
