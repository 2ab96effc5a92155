"""What an attempt consumed whose provider did not say: counted here, by what was sent and what came back."""

from typing import TYPE_CHECKING, Final

from fastgate.domain.usage import Usage
from fastgate.providers import token_count
from fastgate.providers.openai import text

if TYPE_CHECKING:
    from fastgate.pipeline.attempt import Attempt
    from fastgate.pipeline.exchange import Exchange

KEPT_TEXT: Final = 64 * 1024
"""Bytes of an answer whose tokens are counted; of the rest they are taken in proportion."""


class Delivered:
    """The text of a stream as it goes by, in case nobody says how many tokens it was."""

    __slots__ = ("_kept", "_total")

    def __init__(self) -> None:
        self._kept = bytearray()
        self._total = 0

    def add(self, event: bytes) -> None:
        piece = text.delta_text(event).encode()
        self._total += len(piece)
        if len(self._kept) < KEPT_TEXT:
            self._kept += piece

    def tokens(self, model: str) -> int:
        if not self._kept:
            return 0
        counted = token_count.count(bytes(self._kept), model)
        return -(-counted * self._total // len(self._kept))


def usage_of(attempt: "Attempt") -> Usage:
    """Of text. What a file takes is known to the provider alone, so that is what its hold was for."""
    exchange, model = attempt.exchange, attempt.choice.model
    if attempt.body:
        output = token_count.count(text.answer_text(attempt.body), model)
    else:
        output = 0 if attempt.delivered is None else attempt.delivered.tokens(model)
    return Usage(input_tokens=_input_tokens(exchange, model), output_tokens=output)


def _input_tokens(exchange: "Exchange", model: str) -> int:
    envelope = exchange.envelope
    if envelope is None:
        return exchange.demand.input_tokens
    sample = envelope.body or envelope.sample
    if len(sample) < envelope.size:
        return -(-token_count.count(sample, model) * envelope.size // len(sample))
    request = text.request_text(sample)
    return request.tokens + token_count.count_all(request.pieces, model)
