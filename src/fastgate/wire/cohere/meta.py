"""`meta` of Cohere's answers: which version of the API gave them, and what they are billed as."""

from typing import Final

import msgspec

from fastgate.domain.usage import Usage
from fastgate.wire.beside import Tree
from fastgate.wire.cohere.usage import SEARCHES

BESIDE_META: Final[Tree] = {"warnings": None}
"""What `meta` says that no other vendor's answer can."""


class _Version(msgspec.Struct):
    version: str = "2"


class _Billed(msgspec.Struct, omit_defaults=True):
    input_tokens: int = 0
    image_tokens: int = 0
    search_units: int = 0


class CohereMeta(msgspec.Struct, omit_defaults=True):
    billed_units: _Billed | None = None
    api_version: _Version = msgspec.field(default_factory=_Version)


def meta_of(usage: Usage | None) -> CohereMeta:
    """Without `billed_units` where the provider counted nothing."""
    if usage is None:
        return CohereMeta(None, _Version())
    searches = (usage.other or {}).get(SEARCHES, 0)
    billed = _Billed(usage.input_tokens - usage.input_image_tokens, usage.input_image_tokens, searches)
    return CohereMeta(billed)
