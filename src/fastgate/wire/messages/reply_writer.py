"""Whole answers for clients of the Messages API."""

from typing import Any

import msgspec

from fastgate.domain.conversation import Refusal
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.wire.interface import Asked, Losses
from fastgate.wire.lost import CHOICES, LOGPROBS, lose_tier
from fastgate.wire.messages.finish import STOP_REASON_OF
from fastgate.wire.messages.part_writer import blocks_of
from fastgate.wire.messages.usage import whole_usage


def write_answer(reply: Reply, asked: Asked, losses: Losses) -> bytes:
    """The first choice; a client of this format can ask for one only."""
    message = message_of(reply.id or asked.fallback_id, reply.model or asked.model)
    if reply.choices:
        choice = reply.choices[0]
        message["content"] = [block for part in choice.parts for block in blocks_of(part, losses)]
        message["stop_reason"] = STOP_REASON_OF[_finish(choice)]
        message["stop_sequence"] = choice.stop_sequence
        if choice.logprobs is not None:
            losses.drop(LOGPROBS)
        if len(reply.choices) > 1:
            losses.drop(CHOICES)
    message["usage"] = whole_usage(reply.usage)
    if message["usage"]["service_tier"] is None:
        lose_tier(reply.service_tier, losses)
    return msgspec.json.encode(message)


def message_of(id_: str, model: str) -> dict[str, Any]:
    """A message that has said nothing yet, but for its usage."""
    return {
        "id": id_,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
    }


def _finish(choice: Choice) -> Finish:
    """Some formats call it an ordinary end when the model declines."""
    if choice.finish is Finish.STOP and any(isinstance(part, Refusal) for part in choice.parts):
        return Finish.REFUSED
    return choice.finish
