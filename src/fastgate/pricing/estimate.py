"""What a call may cost, before it is made: the amount to hold, and the output that still fits a budget.

A hold that is not strict is the likely cost or more; a call may pass it. A strict hold is never below the
cost, as long as
- a token is at least one byte of the request, but for `HIDDEN_TOKENS` that the provider adds on its own;
- the provider keeps the output within the cap, and bills the prompt once for all `n` answers;
- an image is at most `IMAGE_TOKENS_STRICT` tokens, and no call takes more input than twice the context window
  that is known of its model (`UNKNOWN_CONTEXT` where none is);
- the counts in `Size` leave nothing out;
- what is made and is no text has no more tokens than the caller adds to `output_cap` for it;
- a second of sound is at least 500 bytes, a second of speech at least a byte of text, and a file has at most
  `FILE_PAGES_STRICT` pages, or `FILE_MS_STRICT` of sound.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.domain.price import Rate
from fastgate.pricing.ceiling import Ceiling
from fastgate.pricing.cost import Tariff

BYTES_PER_TOKEN: Final = 3
IMAGE_TOKENS: Final = 1_600
IMAGE_TOKENS_STRICT: Final = 50_000
FILE_TOKENS: Final = 20_000
FILE_PAGES: Final = 20
FILE_PAGES_STRICT: Final = 1_000
FILE_MS: Final = 10 * 60_000
FILE_MS_STRICT: Final = 4 * 3_600_000
HIDDEN_TOKENS: Final = 1_024
UNKNOWN_CONTEXT: Final = 1 << 21
UNLIMITED: Final = 1 << 31
"""Tokens: what `output_cap_for` says where output costs nothing."""


class Size(msgspec.Struct, frozen=True, gc=False):
    """What is known of a request before it is sent.

    `files` is whatever the provider adds to the prompt that is not in the body: files by id or URL, a stored
    conversation, what its tools find. `searches` is the most calls of the provider's own priced tools. `n` is
    the number of answers, or of images to make.
    """

    input_bytes: int
    images: int = 0
    files: int = 0
    searches: int = 0
    n: int = 1


def input_tokens(size: Size) -> int:
    """The likely count, rather too many: for rate limits, and for holds that are not strict."""
    text = -(-size.input_bytes // BYTES_PER_TOKEN)
    return text + size.images * IMAGE_TOKENS + size.files * FILE_TOKENS


def hold_nano(tariffs: Sequence[Tariff], size: Size, output_cap: int, *, strict: bool) -> int:
    """Nano-USD, rounded up, by the first of the tariffs (`PriceList.possible`), or if strict the dearest.

    `output_cap` is the most tokens of one answer.
    """
    tokens = output_cap * size.n
    hold = 0
    for tariff in tariffs if strict else tariffs[:1]:
        fixed, output = _parts(tariff, size, strict)
        hold = max(hold, -(-(fixed + output * tokens) // tariff.scale))
    return hold


def output_cap_for(tariffs: Sequence[Tariff], size: Size, left_nano: int) -> int:
    """The largest `output_cap` whose strict hold is at most `left_nano`; 0 where not one token fits.

    `UNLIMITED`, more than any model writes, where output is free.
    """
    cap = UNLIMITED
    for tariff in tariffs:
        fixed, output = _parts(tariff, size, strict=True)
        left = left_nano * tariff.scale - fixed
        if left < 0:
            return 0
        if output:
            cap = min(cap, left // (output * size.n))
    return cap


def _parts(tariff: Tariff, size: Size, strict: bool) -> tuple[int, int]:
    """In the unit of the tariff: what there is to pay without any output, and for a token of output."""
    tokens = _most_input_tokens(tariff, size) if strict else input_tokens(size)
    ceiling = _reached(tariff.ceilings, tokens)
    fixed = tokens * (ceiling.any_input if strict else ceiling.input)
    for rate, at in ceiling.others:
        fixed += at * max(_most(rate, size, strict), rate.minimum)
    return fixed, ceiling.any_output if strict else ceiling.output


def _reached(ceilings: tuple[Ceiling, ...], tokens: int) -> Ceiling:
    if len(ceilings) == 1:
        return ceilings[0]
    return next(ceiling for ceiling in reversed(ceilings) if tokens > ceiling.more_than)


def _most_input_tokens(tariff: Tariff, size: Size) -> int:
    context = 2 * tariff.price.context or UNKNOWN_CONTEXT
    if size.files:
        return context
    return min(size.input_bytes + size.images * IMAGE_TOKENS_STRICT + HIDDEN_TOKENS, context)


def _most(rate: Rate, size: Size, strict: bool) -> int:
    """Units that are not tokens. Nothing bounds those that are not here, and no known price has them."""
    match rate.unit:
        case "requests" | "input_text_messages":
            return 1
        case "web_searches" | "social_searches" | "storage_searches" | "rerank_searches" | "code_executions":
            return size.searches
        case "images":
            return size.n
        case "input_characters":
            return size.input_bytes
        case "audio_ms" | "input_audio_ms":
            heard = size.input_bytes * 2 if strict else size.input_bytes // 4
            return heard + size.files * (FILE_MS_STRICT if strict else FILE_MS)
        case "output_audio_ms":
            return size.input_bytes * (1_000 if strict else 100)
        case "pages" | "input_annotated_document_pages":
            return size.files * (FILE_PAGES_STRICT if strict else FILE_PAGES)
        case _:
            return 0
