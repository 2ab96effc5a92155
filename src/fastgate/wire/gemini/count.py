"""`countTokens`: its request, which stands in one of two places, and its answer."""

from typing import Final

import msgspec

from fastgate.domain.conversation import Conversation
from fastgate.wire.gemini.request_reader import read_request
from fastgate.wire.gemini.shapes import MEMBERS
from fastgate.wire.reading import Members, decoded, too_deep

_optional_members: Final = msgspec.json.Decoder(Members | None)
_WHOLE: Final = ("generateContentRequest", "generate_content_request")


def read_count_request(body: bytes) -> Conversation:
    """What is to be counted. GatewayError `invalid_body`, `invalid_field`, `missing_field`."""
    try:
        return read_request(msgspec.json.encode(counted(MEMBERS.decode(body))))
    except RecursionError:
        raise too_deep() from None


def counted(members: Members) -> Members:
    """The members of the request that is to be counted: those of `generateContentRequest`, which only the
    Gemini API has, or these."""
    for name in _WHOLE:
        if name in members:
            return decoded(_optional_members, members[name], name) or {}
    return members


def count_answer(tokens: int) -> bytes:
    """All of them as text, since that is what was counted."""
    details = [{"modality": "TEXT", "tokenCount": tokens}]
    return msgspec.json.encode({"totalTokens": tokens, "promptTokensDetails": details})
