"""What an endpoint hands to the player: a whole body or the events of a stream. And errors."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

JSON = b"application/json"
EVENT_STREAM = b"text/event-stream"
DONE = b"data: [DONE]\n\n"

encode = msgspec.json.Encoder().encode


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """`tokens` is what the answer would take to generate: it sets how long a plain one takes.

    With `chunks`, the first `instant` of them come with the headers, the next one after the time
    to first token, and the others at the chosen speed.
    """

    body: bytes = b""
    chunks: Sequence[bytes] | None = None
    instant: int = 1
    tokens: int = 0
    status: int = 200
    content_type: bytes = JSON
    headers: Sequence[tuple[bytes, bytes]] = ()


class SimError(Exception):
    """An answer with an error in OpenAI's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
        self.reply = Reply(
            status=status,
            body=encode(body),
            headers=() if retry_after_s is None else ((b"retry-after", b"%g" % retry_after_s),),
        )


def json_reply(value: Mapping[str, Any], *, tokens: int = 0) -> Reply:
    return Reply(body=encode(value), tokens=tokens)


def event(value: Mapping[str, Any]) -> bytes:
    """A server-sent event without a name."""
    return b"data: %b\n\n" % encode(value)


def named_event(value: Mapping[str, Any]) -> bytes:
    """A server-sent event whose name is the value's `type`."""
    return b"event: %b\ndata: %b\n\n" % (value["type"].encode(), encode(value))
