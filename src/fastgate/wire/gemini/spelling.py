"""The two spellings of a field that proto JSON accepts: `inlineData` and `inline_data`."""

import re
from typing import Any, Final

import msgspec

from fastgate.wire.reading import decoded

_anything: Final = msgspec.json.Decoder()
_SNAKE_KEY: Final = re.compile(rb'"[A-Za-z0-9]+_[A-Za-z0-9_]*"[ \t\r\n]*:')
_NEXT_WORD: Final = re.compile(r"(?<=[A-Za-z0-9])_([a-z0-9])")

_FREE: Final = frozenset(
    {
        "args",
        "labels",
        "parameters",
        "parametersJsonSchema",
        "partMetadata",
        "properties",
        "response",
        "responseJsonSchema",
        "responseSchema",
    }
)
"""Fields whose keys are the client's own."""


def camel(name: str) -> str:
    """`inline_data` as `inlineData`."""
    return _NEXT_WORD.sub(lambda found: found[1].upper(), name) if "_" in name else name


def camelled(body: bytes) -> bytes:
    """A JSON object with all names of fields in camel case; the same bytes where they are already."""
    if b"_" not in body or _SNAKE_KEY.search(body) is None:
        return body
    return msgspec.json.encode(_renamed(decoded(_anything, body)))


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: inner if name in _FREE else _renamed(inner)
            for name, inner in ((camel(key), inner) for key, inner in value.items())
        }
    if isinstance(value, list):
        return [_renamed(item) for item in value]
    return value
