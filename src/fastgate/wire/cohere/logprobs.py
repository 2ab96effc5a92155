"""Cohere's log probabilities in the shape of OpenAI's."""

from collections.abc import Sequence

import msgspec

from fastgate.wire.interface import raw


class LogprobItem(msgspec.Struct):
    """A piece of text, and the log probability of each token in it."""

    text: str | None = None
    logprobs: list[float] | None = None


def chat_logprobs(items: Sequence[LogprobItem]) -> msgspec.Raw:
    """Each piece as one token: its probability is the product of its tokens'. Alternatives are not told."""
    return raw(
        {
            "content": [
                {
                    "token": item.text or "",
                    "logprob": sum(item.logprobs or ()),
                    "bytes": list((item.text or "").encode()),
                    "top_logprobs": [],
                }
                for item in items
            ],
            "refusal": None,
        }
    )
