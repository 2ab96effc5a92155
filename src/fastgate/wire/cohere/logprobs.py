"""Cohere's log probabilities in the shape of OpenAI's."""

from collections.abc import Sequence

import msgspec

from fastgate.wire.logprobs import Chosen, written


class LogprobItem(msgspec.Struct):
    """A piece of text, and the log probability of each token in it."""

    text: str | None = None
    logprobs: list[float] | None = None


def chat_logprobs(items: Sequence[LogprobItem]) -> msgspec.Raw:
    """Each piece as one token: its probability is the product of its tokens'. Alternatives are not told."""
    return written([_token(item.text or "", sum(item.logprobs or ())) for item in items])


def _token(text: str, logprob: float) -> Chosen:
    return Chosen(text, logprob, list(text.encode()))
