"""What models take beyond the common part of chat completions, by their names: a server answers 400 to a
field that a model does not know.

Sources: OpenAI's pages on reasoning and prompt caching, Google's on thought signatures, OpenRouter's on
caching.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

_GPT: Final = re.compile(r"gpt-(\d+)(?:\.(\d+))?")


class Traits(NamedTuple):
    """`reasons`: takes `reasoning_effort`. `breakpoint`: takes OpenAI's cache breakpoints, `cache_control`:
    Anthropic's. `signatures`: wants Google's thought signatures back."""

    reasons: bool
    breakpoint: bool
    cache_control: bool
    signatures: bool


@lru_cache(maxsize=256)
def traits(model: str) -> Traits:
    """Of a name that says nothing it is believed that the model reasons, and no more."""
    name = model.lower()
    found = _GPT.search(name)
    version = (int(found[1]), int(found[2] or 0)) if found else None
    return Traits(
        reasons=version is None or version >= (5, 0),
        breakpoint=version is not None and version >= (5, 6),
        cache_control="claude" in name,
        signatures="gemini" in name,
    )
