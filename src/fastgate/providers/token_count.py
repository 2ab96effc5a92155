"""Tokens of a text, for calls whose usage the provider does not report: an estimate, in OpenAI's encodings.

The vocabularies come with the package; nothing is downloaded. The first count in a process loads one: about
0.1 s, and 40 MB of memory for o200k_base, 30 MB for cl100k_base.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from splintr import AnyTokenizer

EXACT_CHARACTERS: Final = 64 * 1024
_SLICE: Final = 8 * 1024  # a longer piece makes the tokenizer's buffers grow, which it keeps

_CL100K: Final = re.compile(
    r"(?:ft:)?(?:gpt-4(?:-|:|$)|gpt-3\.?5|davinci-002|babbage-002|text-embedding-(?:ada-002|3-))",
    re.IGNORECASE,
)


def count(text: str | bytes, model: str) -> int:
    """As `count_all`, of one text; bytes are taken as UTF-8."""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return count_all((text,), model)


def count_all(texts: Iterable[str], model: str) -> int:
    """Tokens of all texts together: of the first `EXACT_CHARACTERS` counted, of the rest in proportion.

    `model` as the upstream names it; one that is not OpenAI's is counted in its newest encoding.
    """
    encoding = encoding_of(model)
    tokens = counted = total = 0
    for text in texts:
        total += len(text)
        room = EXACT_CHARACTERS - counted
        if room > 0 and text:
            tokenizer = _tokenizer(encoding)
            head = text[:room]
            tokens += sum(len(tokenizer.encode_ordinary(piece)) for piece in _slices(head))
            counted += len(head)
    return tokens if total == counted else -(-tokens * total // counted)


def encoding_of(model: str) -> str:
    """`cl100k_base` for gpt-4, gpt-3.5 and OpenAI's embeddings, `o200k_base` for all else."""
    return "cl100k_base" if _CL100K.match(model.rpartition("/")[2]) else "o200k_base"


@cache
def _tokenizer(encoding: str) -> "AnyTokenizer":
    from splintr import Tokenizer  # at the first need: most workers never count

    return Tokenizer.from_pretrained(encoding)


def _slices(text: str) -> Iterator[str]:
    """Cut in front of a space where there is one, which no token of a word goes across."""
    start = 0
    while len(text) - start > _SLICE:
        end = text.rfind(" ", start + 1, start + _SLICE)
        if end < 0:
            end = start + _SLICE
        yield text[start:end]
        start = end
    yield text[start:]
