"""A whole answer, written for a client of completions: its text alone, and a refusal where there is none."""

from typing import Any

import msgspec

from fastgate.domain.conversation import Refusal, Text
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.wire.chat.finish import reason_of
from fastgate.wire.chat.usage import write_usage
from fastgate.wire.completions.logprobs import legacy_logprobs
from fastgate.wire.interface import Asked


def write_answer(reply: Reply, asked: Asked) -> bytes:
    body: dict[str, Any] = {
        "id": reply.id or asked.fallback_id,
        "object": "text_completion",
        "created": asked.created_s,
        "model": reply.model or asked.model,
        "choices": [_choice(index, choice) for index, choice in enumerate(reply.choices)],
    }
    if reply.usage is not None:
        body["usage"] = write_usage(reply.usage)
    return msgspec.json.encode(body)


def completion_reason(finish: Finish) -> str:
    """There are no tools here, so none can have been called."""
    return "stop" if finish is Finish.TOOL_USE else reason_of(finish)


def _choice(index: int, choice: Choice) -> dict[str, Any]:
    return {
        "text": "".join([part.text for part in choice.parts if isinstance(part, Text | Refusal)]),
        "index": index,
        "logprobs": legacy_logprobs(choice.logprobs, 0),
        "finish_reason": completion_reason(choice.finish),
    }
