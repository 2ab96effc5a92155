"""What an attempt consumed whose provider did not say: counted here, by what was sent and what came back."""

from typing import TYPE_CHECKING, Final

import msgspec

from fastgate.domain.usage import Usage
from fastgate.providers import token_count
from fastgate.providers.openai import text
from fastgate.providers.openai.lenient import UNREADABLE

if TYPE_CHECKING:
    from fastgate.pipeline.attempt import Attempt
    from fastgate.pipeline.exchange import Exchange

KEPT_TEXT: Final = 64 * 1024
"""Bytes of an answer whose tokens are counted; of the rest they are taken in proportion."""


# Of a response that the provider still works on in the background.
_UNFINISHED: Final = frozenset({"queued", "in_progress"})


class _Response(msgspec.Struct):
    status: str | None = None


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
    """Of text. What a file takes, or a response that is fetched later, is known to the provider alone, so
    that is what its hold was for."""
    exchange, model = attempt.exchange, attempt.choice.model
    if attempt.body and _is_unfinished(attempt.body):
        output = exchange.demand.output_cap
    elif attempt.body:
        output = token_count.count(text.answer_text(attempt.body), model)
    else:
        output = 0 if attempt.delivered is None else attempt.delivered.tokens(model)
    return Usage(input_tokens=_input_tokens(exchange, model), output_tokens=output)


def _is_unfinished(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Response).status in _UNFINISHED
    except UNREADABLE:
        return False


def _input_tokens(exchange: "Exchange", model: str) -> int:
    envelope = exchange.envelope
    if envelope is None:
        return exchange.demand.input_tokens
    sample = envelope.body or envelope.sample
    if len(sample) < envelope.size:
        return -(-token_count.count(sample, model) * envelope.size // len(sample))
    request = text.request_text(sample)
    return request.tokens + token_count.count_all(request.pieces, model)
