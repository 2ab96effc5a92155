"""Usage that a provider tells in the headers of its answer, and not in its body (Bedrock's InvokeModel)."""

from collections.abc import Sequence
from typing import Final

from fastgate.domain.usage import Usage
from fastgate.providers.interface import Header

_INPUT: Final = b"x-amzn-bedrock-input-token-count"
_OUTPUT: Final = b"x-amzn-bedrock-output-token-count"


def usage_in(headers: Sequence[Header]) -> Usage | None:
    """None where they do not tell."""
    told = {name: int(value) for name, value in headers if name in (_INPUT, _OUTPUT) and value.isdigit()}
    if not told:
        return None
    return Usage(input_tokens=told.get(_INPUT, 0), output_tokens=told.get(_OUTPUT, 0))
