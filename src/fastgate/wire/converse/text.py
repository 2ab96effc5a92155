"""The text in a request or an answer, to count its tokens."""

from typing import Any, Final

import msgspec

_UNREAD: Final = frozenset(
    {
        "bytes",
        "bucketOwner",
        "format",
        "redactedContent",
        "role",
        "signature",
        "status",
        "toolUseId",
        "ttl",
        "type",
        "uri",
    }
)
"""Members whose strings no model reads as text."""

_WHOLE: Final = frozenset({"input", "json"})
"""Members that a model reads as JSON."""


def text_in(body: bytes) -> str:
    """Of what is no request and no answer, nothing."""
    try:
        members = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(members, dict):
        return ""
    pieces: list[str] = []
    config = members.get("toolConfig")
    for part in (
        members.get("system"),
        members.get("messages"),
        config.get("tools") if isinstance(config, dict) else None,
        members.get("output"),
    ):
        _collect(part, pieces)
    return "\n".join(pieces)


def _collect(value: Any, pieces: list[str]) -> None:
    """Depth is bounded by what the decoder takes."""
    if isinstance(value, str):
        pieces.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, pieces)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name in _WHOLE:
                pieces.append(msgspec.json.encode(item).decode())
            elif name not in _UNREAD:
                _collect(item, pieces)
