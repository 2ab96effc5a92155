"""What Cohere says was consumed. Its bill counts `billed_units`: `tokens` include a preamble of its own."""

from typing import Any, Final

import msgspec

from fastgate.domain.usage import Usage
from fastgate.wire.lenient import UNREADABLE, count

SEARCHES: Final = "rerank_searches"


class _Units(msgspec.Struct):
    """Numbers, and floats of whole values at that."""

    input_tokens: Any = None
    output_tokens: Any = None
    image_tokens: Any = None
    text_tokens: Any = None
    search_units: Any = None


class _Consumed(msgspec.Struct):
    billed_units: _Units | None = None
    tokens: _Units | None = None
    cached_tokens: Any = None


_consumed: Final = msgspec.json.Decoder(_Consumed | None)


def usage_in(raw: msgspec.Raw) -> Usage | None:
    """Of the `usage` of a chat, or the `meta` of another answer; None where nothing was counted."""
    try:
        consumed = _consumed.decode(raw) if bytes(raw) else None
    except UNREADABLE:
        return None
    units = None if consumed is None else consumed.billed_units or consumed.tokens
    if consumed is None or units is None:
        return None
    images = count(units.image_tokens)
    text = count(units.input_tokens if units.text_tokens is None else units.text_tokens)
    usage = Usage(
        input_tokens=max(count(units.input_tokens), text + images),
        output_tokens=count(units.output_tokens),
        input_image_tokens=images,
    )
    # Of `tokens`, so it may be more than what is billed.
    usage.cached_input_tokens = min(count(consumed.cached_tokens), usage.input_tokens)
    if searches := count(units.search_units):
        usage.other = {SEARCHES: searches}
    return usage
