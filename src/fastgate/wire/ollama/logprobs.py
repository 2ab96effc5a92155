"""Ollama's log probabilities in the shape of OpenAI's."""

from typing import Final

import msgspec

from fastgate.wire.interface import raw


class _Token(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _Chosen(_Token):
    top_logprobs: list[_Token] = []


class _Logprobs(msgspec.Struct):
    content: list[_Chosen]
    refusal: None = None


_tokens: Final = msgspec.json.Decoder(list[_Chosen] | None)


def chat_logprobs(given: msgspec.Raw) -> msgspec.Raw | None:
    """None where there are none. ValueError if they are none."""
    if not bytes(given):
        return None
    tokens = _tokens.decode(given)
    return raw(_Logprobs(tokens)) if tokens else None
