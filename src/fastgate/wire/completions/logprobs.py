"""Log probabilities of a chat, in the shape of completions."""

from typing import Any, Final

import msgspec


class _Top(msgspec.Struct):
    token: str
    logprob: float


class _Token(_Top):
    top_logprobs: list[_Top] = []


class _ChatLogprobs(msgspec.Struct):
    content: list[_Token] | None = None


_decoder: Final = msgspec.json.Decoder(_ChatLogprobs)


def legacy_logprobs(logprobs: msgspec.Raw | None, offset: int) -> dict[str, Any] | None:
    """`offset` is where the text that they are of begins. None where there are none that can be read."""
    if logprobs is None:
        return None
    try:
        tokens = _decoder.decode(logprobs).content
    except msgspec.MsgspecError:
        return None
    if tokens is None:
        return None
    offsets: list[int] = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.token)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [{top.token: top.logprob for top in token.top_logprobs} for token in tokens],
        "text_offset": offsets,
    }
