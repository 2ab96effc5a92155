"""A whole answer, written for a client of completions: its text alone, and a refusal where there is none."""

from typing import Any

import msgspec

from fastgate.domain.conversation import Image, Refusal, Text
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.wire.chat.finish import reason_of
from fastgate.wire.chat.usage import write_usage
from fastgate.wire.completions.logprobs import legacy_logprobs
from fastgate.wire.interface import Asked, Losses
from fastgate.wire.lost import CITATION, STOP_SEQUENCE, described, lose_part, lose_tier


def write_answer(reply: Reply, asked: Asked, losses: Losses) -> bytes:
    body: dict[str, Any] = {
        "id": reply.id or asked.fallback_id,
        "object": "text_completion",
        "created": asked.created_s,
        "model": reply.model or asked.model,
        "choices": [_choice(index, choice, losses) for index, choice in enumerate(reply.choices)],
    }
    if reply.fingerprint is not None:
        body["system_fingerprint"] = reply.fingerprint
    if reply.usage is not None:
        body["usage"] = write_usage(reply.usage)
    lose_tier(reply.service_tier, losses)
    return msgspec.json.encode(body)


def completion_reason(finish: Finish) -> str:
    """There are no tools here, so none can have been called."""
    return "stop" if finish is Finish.TOOL_USE else reason_of(finish)


def _choice(index: int, choice: Choice, losses: Losses) -> dict[str, Any]:
    if choice.stop_sequence is not None:
        losses.drop(STOP_SEQUENCE)
    return {
        "text": _text(choice, losses),
        "index": index,
        "logprobs": legacy_logprobs(choice.logprobs, 0),
        "finish_reason": completion_reason(choice.finish),
    }


def _text(choice: Choice, losses: Losses) -> str:
    texts: list[str] = []
    for part in choice.parts:
        match part:
            case Text() | Refusal():
                texts.append(part.text)
                if isinstance(part, Text) and part.citations:
                    losses.drop(CITATION)
            case Image():
                texts.append(described(part, losses))
            case _:
                lose_part(part, losses)
    return "".join(texts)
