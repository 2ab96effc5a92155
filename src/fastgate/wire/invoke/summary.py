"""What is read of answers that pass through, which may be any model's, and what those have beside content."""

from typing import Final

import msgspec

from fastgate.wire.beside import Beside
from fastgate.wire.converse.exceptions import error_in
from fastgate.wire.interface import Summary
from fastgate.wire.messages.reply_reader import OF_MESSAGES
from fastgate.wire.messages.reply_reader import summary as messages_summary

_OF_MESSAGES: Final = frozenset({"message", "error"})


class _Kind(msgspec.Struct):
    type: str | None = None


BESIDE: Final = Beside(
    {
        **OF_MESSAGES,
        "message": OF_MESSAGES,
        "delta": OF_MESSAGES,
        "amazon-bedrock-guardrailAction": None,
        "amazon-bedrock-trace": None,
    }
)

_kinds: Final = msgspec.json.Decoder(_Kind)


def summary(body: bytes) -> Summary:
    """Nothing of an answer that is not Claude's: its counts stand in headers."""
    try:
        kind = _kinds.decode(body).type
    except (ValueError, RecursionError):
        kind = None
    if kind in _OF_MESSAGES:
        return messages_summary(body)
    message = error_in(body)
    return Summary(None, None) if message is None else Summary(None, None, 500, message)
