"""What is read of a whole answer that passes through, which may be any model's."""

from typing import Final

import msgspec

from fastgate.wire.interface import Summary
from fastgate.wire.messages.reply_reader import summary as messages_summary

_OF_MESSAGES: Final = frozenset({"message", "error"})


class _Kind(msgspec.Struct):
    type: str | None = None


_kinds: Final = msgspec.json.Decoder(_Kind)


def summary(body: bytes) -> Summary:
    """Nothing of an answer that is not Claude's: its counts stand in headers."""
    try:
        kind = _kinds.decode(body).type
    except (ValueError, RecursionError):
        kind = None
    return messages_summary(body) if kind in _OF_MESSAGES else Summary(None, None)
