"""The text in Gemini's requests and answers, to count its tokens."""

from typing import Any, Final

import msgspec

from fastgate.wire.gemini.spelling import camelled

_READ: Final = (
    "generateContentRequest",
    "systemInstruction",
    "contents",
    "requests",
    "candidates",
    "content",
    "parts",
    "text",
    "title",
    "functionCall",
    "functionResponse",
    "executableCode",
    "name",
    "code",
    "args",
    "response",
    "tools",
    "functionDeclarations",
)
_WRITTEN: Final = frozenset({"args", "response", "functionDeclarations"})
"""JSON that the model reads or wrote: as it is written comes close to how it is shown."""


def text_in(body: bytes) -> str:
    """Of a request or a whole answer; "" of what is neither."""
    pieces: list[str] = []
    try:
        _collect(msgspec.json.decode(camelled(body)), pieces)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return "\n".join(pieces)


def _collect(value: Any, pieces: list[str]) -> None:
    if isinstance(value, str):
        pieces.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, pieces)
    elif isinstance(value, dict):
        for name in _READ:
            if name in value:
                if name in _WRITTEN:
                    pieces.append(msgspec.json.encode(value[name]).decode())
                else:
                    _collect(value[name], pieces)
