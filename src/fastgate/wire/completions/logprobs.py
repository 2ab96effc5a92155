"""Log probabilities of a chat, in the shape of completions."""

from typing import Any

import msgspec

from fastgate.wire.logprobs import chosen_in


def legacy_logprobs(logprobs: msgspec.Raw | None, offset: int) -> dict[str, Any] | None:
    """`offset` is where the text that they are of begins. None where there are none that can be read."""
    tokens = chosen_in(logprobs)
    if not tokens:
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
