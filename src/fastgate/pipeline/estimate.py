"""What an attempt consumed whose provider did not say: counted here, by what was sent and what came back."""

from typing import TYPE_CHECKING, Final

import msgspec

from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.pricing.estimate import FILE_TOKENS, IMAGE_TOKENS
from fastgate.providers import token_count
from fastgate.wire import openai_text as text
from fastgate.wire.formats import CLIENTS
from fastgate.wire.interface import ClientFormat
from fastgate.wire.lenient import UNREADABLE

if TYPE_CHECKING:
    from fastgate.pipeline.attempt import Attempt
    from fastgate.pipeline.exchange import Exchange

KEPT_TEXT: Final = 64 * 1024
"""Bytes of an answer whose tokens are counted; of the rest they are taken in proportion."""


# Of a response that the provider still works on in the background.
_UNFINISHED: Final = frozenset({"queued", "in_progress"})


_OPENAI: Final = frozenset(
    {Format.CHAT, Format.COMPLETIONS, Format.RESPONSES, Format.EMBEDDINGS, Format.RERANK}
)


class _Response(msgspec.Struct):
    status: str | None = None


class Delivered:
    """The text of a stream as it goes by, in case nobody says how many tokens it was. `reported`: the
    provider has said it up to here."""

    __slots__ = ("_kept", "_reported", "_total")

    def __init__(self) -> None:
        self._kept = bytearray()
        self._total = 0
        self._reported = 0

    def add(self, written: str) -> None:
        piece = written.encode(errors="replace")
        self._total += len(piece)
        if len(self._kept) < KEPT_TEXT:
            self._kept += piece

    def reported(self) -> None:
        self._reported = self._total

    def tokens(self, model: str) -> int:
        return self._tokens(self._total, model)

    def unreported(self, model: str) -> int:
        """Tokens since the last report."""
        return self._tokens(self._total - self._reported, model)

    def _tokens(self, size: int, model: str) -> int:
        if not size:
            return 0
        counted = token_count.count(bytes(self._kept), model)
        return -(-counted * size // len(self._kept))


def usage_of(attempt: "Attempt") -> Usage:
    """Of text. What a file takes, or a response that is fetched later, is known to the provider alone, so
    that is what its hold was for."""
    exchange, model = attempt.exchange, attempt.choice.model
    if attempt.body and _is_unfinished(attempt.body):
        output = exchange.demand.output_cap
    elif attempt.body:
        output = token_count.count(_answer_text(exchange, attempt.body), model)
    else:
        output = 0 if attempt.delivered is None else attempt.delivered.tokens(model)
    return Usage(input_tokens=_input_tokens(exchange, model), output_tokens=output)


def completed(attempt: "Attempt", usage: Usage) -> Usage:
    """Of an answer that broke off, `usage` as far as the provider had told it: with what came after that.
    Some tell of the input at the beginning, and of the output at the end."""
    delivered, model = attempt.delivered, attempt.choice.model
    if delivered is None:
        return usage
    missing = delivered.unreported(model) if usage.output_tokens else delivered.tokens(model)
    return msgspec.structs.replace(usage, output_tokens=usage.output_tokens + missing) if missing else usage


def _answer_text(exchange: "Exchange", body: bytes) -> str:
    other = _other_format(exchange)
    return text.answer_text(body) if other is None else other.text(body)


def _other_format(exchange: "Exchange") -> ClientFormat | None:
    """What the client speaks, where it is none of OpenAI's formats."""
    format_ = exchange.operation.format
    return None if format_ is None or format_ in _OPENAI else CLIENTS[format_]


def _is_unfinished(body: bytes) -> bool:
    try:
        return msgspec.json.decode(body, type=_Response).status in _UNFINISHED
    except UNREADABLE:
        return False


def _input_tokens(exchange: "Exchange", model: str) -> int:
    envelope = exchange.envelope
    if envelope is None:
        return exchange.demand.input_tokens
    size = exchange.demand.size
    sample = envelope.body or envelope.sample
    if len(sample) < envelope.size:
        if size.images or size.files:
            return exchange.demand.input_tokens  # of what is base64 a part tells nothing
        return -(-token_count.count(sample, model) * envelope.size // len(sample))
    other = _other_format(exchange)
    if other is not None:
        media = size.images * IMAGE_TOKENS + size.files * FILE_TOKENS
        return token_count.count(other.text(sample), model) + media
    request = text.request_text(sample)
    return request.tokens + token_count.count_all(request.pieces, model)
