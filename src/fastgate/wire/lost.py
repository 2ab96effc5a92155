"""What of an answer its client's format has no words for, by the names that the client and the log are told.

They begin with `answer.`, so that they are told apart from members of the request.
"""

from typing import Final

from fastgate.domain.conversation import Foreign, Image, Part, Thinking, ToolUse
from fastgate.domain.reply import ForeignDelta, Sealed, ThinkingDelta, ToolDelta, ToolStarted
from fastgate.wire.addresses import web_url
from fastgate.wire.interface import Losses

CHOICES: Final = "answer.choices"
CITATION: Final = "answer.citation"
IMAGE: Final = "answer.image"
LOGPROBS: Final = "answer.logprobs"
STOP_SEQUENCE: Final = "answer.stop_sequence"
TOOL_CALL: Final = "answer.tool_call"
_THINKING: Final = "answer.thinking"
_TIER: Final = "answer.service_tier"
_ORDINARY: Final = frozenset({"auto", "default", "standard"})
"""Tiers that say what a client expects anyway."""


def lose_part(part: Part, losses: Losses) -> None:
    match part:
        case ToolUse():
            losses.drop(TOOL_CALL)
        case Thinking():
            losses.drop(_THINKING)
        case Foreign():
            _lose_kind(part.kind, losses)
        case _:
            _lose_kind(type(part).__name__.lower(), losses)


def lose_delta(
    delta: ThinkingDelta | Sealed | ToolStarted | ToolDelta | ForeignDelta, losses: Losses
) -> None:
    match delta:
        case ToolStarted() | ToolDelta():
            losses.drop(TOOL_CALL)
        case ForeignDelta():
            _lose_kind(delta.kind, losses)
        case ThinkingDelta() | Sealed():
            losses.drop(_THINKING)


def lose_tier(tier: str | None, losses: Losses) -> None:
    if tier is not None and tier not in _ORDINARY:
        losses.drop(_TIER)


def described(image: Image, losses: Losses) -> str:
    """An image in words, for a format whose answers have none: its address on the web in Markdown, or a
    sentence, without which such an answer would be empty."""
    url = web_url(image.source)
    if url is not None:
        return f"![image]({url})"
    losses.drop(IMAGE)
    kind = image.source.media_type or "image"
    return f"[Here is an image ({kind}) that this API has no place for in an answer.]"


def _lose_kind(kind: str, losses: Losses) -> None:
    """Without a kind it is an empty part."""
    if kind:
        losses.drop(f"answer.{kind}")
