"""Usage that a provider tells in the headers of its answer, and not in its body (Bedrock's InvokeModel)."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.domain.usage import Usage
from fastgate.providers.interface import Header

_INPUT: Final = b"x-amzn-bedrock-input-token-count"
_OUTPUT: Final = b"x-amzn-bedrock-output-token-count"
_MAX_DIGITS: Final = 12
_MAX_TIER: Final = 32
TIER: Final = b"x-amzn-bedrock-service-tier"
"""The tier that served an answer, whose body says nothing of it."""


def usage_in(headers: Sequence[Header]) -> Usage | None:
    """None where they do not tell."""
    told = {
        name: int(value)
        for name, value in headers
        if name in (_INPUT, _OUTPUT) and value.isdigit() and len(value) <= _MAX_DIGITS
    }
    if not told:
        return None
    return Usage(input_tokens=told.get(_INPUT, 0), output_tokens=told.get(_OUTPUT, 0))


def of_tier(usage: Usage | None, said: bytes | None) -> Usage | None:
    """`said`: the header TIER, where there is one."""
    if usage is None or said is None:
        return usage
    return msgspec.structs.replace(usage, service_tier=said.decode("latin-1")[:_MAX_TIER])
