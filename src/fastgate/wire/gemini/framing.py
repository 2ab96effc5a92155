"""The two forms of Gemini's streams: server-sent events (`alt=sse`), or one JSON array that grows."""

from typing import Final, Protocol
from urllib.parse import parse_qsl

from fastgate.wire.interface import Asked

EVENTS_TYPE: Final = b"text/event-stream"
ARRAY_TYPE: Final = b"application/json; charset=UTF-8"


class Framing(Protocol):
    """Of one stream."""

    def element(self, data: bytes) -> bytes:
        """One JSON object of the stream, as it is sent."""

    def end(self) -> bytes:
        """What closes the stream, also after an error."""


class Events:
    """Has no state and no end."""

    def element(self, data: bytes) -> bytes:
        return b"data: %b\r\n\r\n" % data

    def end(self) -> bytes:
        return b""


class Array:
    def __init__(self) -> None:
        self._begun = False

    def element(self, data: bytes) -> bytes:
        before = b",\r\n" if self._begun else b"["
        self._begun = True
        return before + data

    def end(self) -> bytes:
        return b"]" if self._begun else b"[]"


def framing_for(asked: Asked) -> Framing:
    return Array() if _wants_array(asked) else Events()


def stream_type_for(asked: Asked) -> bytes:
    """The content type of the stream that a client asked for."""
    return ARRAY_TYPE if _wants_array(asked) else EVENTS_TYPE


def _wants_array(asked: Asked) -> bool:
    return is_array(asked.path, asked.query)


def is_array(path: str, query: str) -> bool:
    """What Google's method gives, unless the query says `alt=sse` as all SDKs of today do."""
    return path.endswith(":streamGenerateContent") and ("alt", "sse") not in parse_qsl(query)
