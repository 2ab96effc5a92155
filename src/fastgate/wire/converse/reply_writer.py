"""A whole answer for a client of Converse."""

from collections.abc import Sequence
from typing import Any

import msgspec

from fastgate.domain.conversation import Image, Part, Text
from fastgate.domain.reply import Reply
from fastgate.wire.converse import media
from fastgate.wire.converse.block_writer import Block, BlockWriter
from fastgate.wire.converse.finish import STOP_REASON_OF
from fastgate.wire.converse.usage import write_tier, write_usage
from fastgate.wire.interface import Losses
from fastgate.wire.lost import CHOICES, LOGPROBS, described, lose_part, lose_tier


def write_answer(reply: Reply, losses: Losses) -> bytes:
    """Of several answers the first: no request of this format asks for more."""
    choice = reply.choices[0]
    if len(reply.choices) > 1:
        losses.drop(CHOICES)
    if choice.logprobs is not None:
        losses.drop(LOGPROBS)
    tier = write_tier(reply.service_tier)
    if not tier:
        lose_tier(reply.service_tier, losses)
    answer: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": _content(choice.parts, losses)}},
        "stopReason": STOP_REASON_OF[choice.finish],
        "usage": write_usage(reply.usage),
        "metrics": {"latencyMs": 0},  # required, and how long the model took is not known
    }
    if choice.stop_sequence is not None:
        answer["additionalModelResponseFields"] = {"stop_sequence": choice.stop_sequence}
    return msgspec.json.encode(answer | tier)


def _content(parts: Sequence[Part], losses: Losses) -> list[Block]:
    """An image that has no place in a block is put into words."""

    def drop(path: str) -> None:
        lose_part(parts[int(path[1 : path.index("]")])], losses)

    shown = [
        Text(text=described(part, losses))
        if isinstance(part, Image) and media.written(part.source, media.IMAGE) is None
        else part
        for part in parts
    ]
    return BlockWriter(drop, caching=False, claude=True, carries=True).blocks(shown, "")
