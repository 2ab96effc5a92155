"""Ollama's log probabilities in the shape of OpenAI's."""

from typing import Final

import msgspec

from fastgate.wire.logprobs import Chosen, written

_tokens: Final = msgspec.json.Decoder(list[Chosen] | None)


def chat_logprobs(given: msgspec.Raw) -> msgspec.Raw | None:
    """None where there are none. ValueError if they are none."""
    if not bytes(given):
        return None
    tokens = _tokens.decode(given)
    return written(tokens) if tokens else None
