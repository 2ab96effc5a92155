"""What a provider of any format is to say, and what it was told, in no vendor's words.

The modules beside this one are such providers, written by hand from the vendors' documents, and by nothing of
`fastgate`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import msgspec
from tests.support.builders import LAST_CHUNK, chunk, head, response
from tests.support.fake_provider import Request
from tests.support.replies import Reply, reply

JSON = dict[str, Any]


@dataclass(frozen=True)
class Call:
    id: str
    name: str
    arguments: JSON


@dataclass(frozen=True)
class Say:
    """An answer. `usage` is what the vendor's own usage object says, instead of the usual 10 and 3 tokens."""

    text: str = ""
    thinking: str = ""
    signature: str = ""
    calls: tuple[Call, ...] = ()
    usage: JSON | None = None


@dataclass(frozen=True)
class Heard:
    """One part of a conversation. `kind`: text, image, thinking, call, result."""

    role: str
    kind: str
    text: str = ""
    id: str = ""
    name: str = ""
    signature: str = ""
    is_error: bool = False
    arguments: JSON = field(default_factory=dict)


class Upstream(Protocol):
    """`path` of its answers, whole and streamed."""

    name: str
    dialect: str
    model: str
    base_path: str
    stream_type: str

    def whole(self, say: Say) -> JSON: ...

    def stream(self, say: Say) -> list[bytes]:
        """The events, each whole; the last one is terminal."""

    def heard(self, body: JSON) -> list[Heard]: ...

    def cap(self, body: JSON) -> int | None:
        """The bound on its output."""

    def problem(self, message: str) -> JSON:
        """The body of an error."""


def answer(upstream: Upstream, say: Say, *, stream: bool) -> Reply:
    if not stream:
        return reply(response(200, upstream.whole(say)))
    return events(upstream, upstream.stream(say))


def events(upstream: Upstream, stream: Sequence[bytes], *after: Any) -> Reply:
    """A stream of these events, and then `after` in the place of the regular end."""
    start = head(200, (("content-type", upstream.stream_type), ("transfer-encoding", "chunked")))
    return reply(start, *(chunk(event) for event in stream), *(after or (LAST_CHUNK,)))


def begun(upstream: Upstream, say: Say) -> list[bytes]:
    """A stream up to its first text, which is half of it."""
    stream, other = upstream.stream(say), upstream.stream(replace(say, text=say.text.replace("e", "u")))
    first = next(at for at, (one, two) in enumerate(zip(stream, other, strict=True)) if one != two)
    return stream[: first + 1]


def heard(upstream: Upstream, request: Request) -> list[Heard]:
    return upstream.heard(request.json())


def as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]
