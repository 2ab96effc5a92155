"""A whole answer for a client of Converse."""

from typing import Any

import msgspec

from fastgate.domain.reply import Reply
from fastgate.wire.converse.block_writer import BlockWriter
from fastgate.wire.converse.finish import STOP_REASON_OF
from fastgate.wire.converse.usage import write_tier, write_usage
from fastgate.wire.interface import Losses


def write_answer(reply: Reply) -> bytes:
    """Of several answers the first: no request of this format asks for more."""
    choice = reply.choices[0]
    blocks = BlockWriter(Losses().drop, caching=False, claude=True, carries=True)
    answer: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": blocks.blocks(choice.parts, "")}},
        "stopReason": STOP_REASON_OF[choice.finish],
        "usage": write_usage(reply.usage),
        "metrics": {"latencyMs": 0},  # required, and how long the model took is not known
    }
    if choice.stop_sequence is not None:
        answer["additionalModelResponseFields"] = {"stop_sequence": choice.stop_sequence}
    return msgspec.json.encode(answer | write_tier(reply.service_tier))
