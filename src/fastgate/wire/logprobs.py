"""Log probabilities in the shape of OpenAI's chat, which is the neutral one."""

from typing import Final

import msgspec

from fastgate.wire.lenient import UNREADABLE


class Token(msgspec.Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None


class Chosen(Token):
    top_logprobs: list[Token] = []


class _Logprobs(msgspec.Struct):
    content: list[Chosen] | None = None


class _Written(_Logprobs):
    """Strict clients want `refusal`, too."""

    refusal: None = None


_decoder: Final = msgspec.json.Decoder(_Logprobs)


def chosen_in(logprobs: msgspec.Raw | None) -> list[Chosen]:
    """One for each token. None of what cannot be read: they are beside the answer, and not worth it."""
    if logprobs is None:
        return []
    try:
        return _decoder.decode(logprobs).content or []
    except UNREADABLE:
        return []


def written(content: list[Chosen]) -> msgspec.Raw:
    """As an answer or a delta has them."""
    return msgspec.Raw(msgspec.json.encode(_Written(content)))
