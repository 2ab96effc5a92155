"""The text in requests and answers, to count its tokens where nobody reports them."""

from typing import Any, Final

import msgspec

_KEYS: Final = (
    "system",
    "messages",
    "tools",
    "title",
    "context",
    "thinking",
    "text",
    "content",
    "name",
    "description",
)
_AS_JSON: Final = ("input", "input_schema")
"""Objects of any shape, of which a model reads or writes the JSON."""


def text_in(body: bytes) -> str:
    """What a model reads or wrote, as far as it is understood: the rest counts as nothing."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    pieces: list[str] = []
    stack: list[Any] = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            pieces.append(value)
        elif isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, dict):
            stack.extend(reversed(_members(value)))
    return "".join(pieces)


def _members(value: dict[str, Any]) -> list[Any]:
    found = [value[key] for key in _KEYS if key in value]
    found += [msgspec.json.encode(value[key]).decode() for key in _AS_JSON if key in value]
    source = value.get("source")
    if isinstance(source, dict):
        found += [source.get("content"), source.get("data") if source.get("type") == "text" else None]
    return found
