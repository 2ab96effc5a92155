"""Thinking towards a client of chat completions: LiteLLM's `thinking_blocks`, in the shape of Anthropic's."""

from typing import Any

from fastgate.domain.conversation import Text, Thinking
from fastgate.domain.format import Format
from fastgate.wire.messages.seal import carried
from fastgate.wire.seals import AHEAD, Seal

Block = dict[str, Any]


def block_of(thinking: Thinking) -> Block | None:
    """None where there is nothing but its text, which the message has elsewhere."""
    if thinking.redacted is not None:
        return {"type": "redacted_thinking", "data": carried(Seal(thinking.format, thinking.redacted))}
    if thinking.signature is None:
        return None
    return {
        "type": "thinking",
        "thinking": thinking.text,
        "signature": carried(Seal(thinking.format, thinking.signature)),
    }


def block_ahead(text: Text) -> Block | None:
    """What carries the seal of a text, which has no place of its own here."""
    if text.signature is None:
        return None
    seal = Seal(Format.GENERATE_CONTENT, text.signature, place=AHEAD)
    return {"type": "thinking", "thinking": "", "signature": carried(seal)}
