"""What a scripted upstream does with one request: steps, replies made of them, and the common faults."""

import asyncio
import concurrent.futures
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.builders import (
    DONE,
    LAST_CHUNK,
    SSE_TYPE,
    Headers,
    chat_chunk,
    chat_completion,
    chat_events,
    chunk,
    error_body,
    gzipped,
    head,
    response,
    split,
    sse,
    stream_head,
)


class Gate:
    """Lets a reply wait until the test opens it; usable from any thread."""

    def __init__(self) -> None:
        self._opened: concurrent.futures.Future[None] = concurrent.futures.Future()

    def open(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)

    async def wait(self) -> None:
        await asyncio.shield(asyncio.wrap_future(self._opened))


@dataclass(frozen=True)
class Send:
    data: bytes


@dataclass(frozen=True)
class Sleep:
    seconds: float


@dataclass(frozen=True)
class Wait:
    gate: Gate


@dataclass(frozen=True)
class Stall:
    """Do nothing more until the client closes."""


@dataclass(frozen=True)
class Endless:
    """Send `data` again and again, as fast as the client reads, until it closes."""

    data: bytes


@dataclass(frozen=True)
class Reset:
    """Close with RST (SO_LINGER 0), dropping what is unsent."""


@dataclass(frozen=True)
class Close:
    """Close regularly, after all that was sent."""


@dataclass(frozen=True)
class HalfClose:
    """Close the sending direction only."""


Step = Send | Sleep | Wait | Stall | Endless | Reset | Close | HalfClose


@dataclass(frozen=True)
class Reply:
    """Steps in order. The connection is kept open afterwards unless a step closed it."""

    steps: Sequence[Step] = field(default_factory=tuple)

    def __add__(self, other: "Reply") -> "Reply":
        return Reply((*self.steps, *other.steps))


def reply(*steps: Step | bytes) -> Reply:
    return Reply([Send(step) if isinstance(step, bytes) else step for step in steps])


# --- good answers -----------------------------------------------------------------------------------


def json_reply(body: Any, status: int = 200, headers: Headers = ()) -> Reply:
    return reply(response(status, body, headers))


def chat_reply(text: str = "Hello there", model: str = "gpt-4o", headers: Headers = ()) -> Reply:
    return json_reply(chat_completion(text, model), headers=headers)


def sse_reply(events: Iterable[bytes], *, gap_s: float = 0.0, headers: Headers = ()) -> Reply:
    """Each event as a chunk and a write of its own."""
    steps: list[Step] = [Send(stream_head(headers))]
    for event in events:
        if gap_s:
            steps.append(Sleep(gap_s))
        steps.append(Send(chunk(event)))
    return Reply([*steps, Send(LAST_CHUNK)])


def chat_stream(
    pieces: Iterable[str] = ("Hello", " there"), model: str = "gpt-4o", *, gap_s: float = 0.0
) -> Reply:
    return sse_reply(chat_events(pieces, model), gap_s=gap_s)


# --- the faults of TESTING part 4 -----------------------------------------------------------------


def reset_before_a_byte() -> Reply:
    return reply(Reset())


def close_before_a_byte() -> Reply:
    return reply(Close())


def status_reply(
    status: int, body: Any = None, *, retry_after: str | None = None, headers: Headers = ()
) -> Reply:
    if retry_after is not None:
        headers = (*headers, ("retry-after", retry_after))
    return json_reply(error_body() if body is None else body, status, headers)


def rate_limited(retry_after: str | None = None) -> Reply:
    body = error_body("Rate limit reached.", "requests", "rate_limit_exceeded")
    return status_reply(429, body, retry_after=retry_after)


def _role() -> bytes:
    return sse(chat_chunk({"role": "assistant", "content": "", "refusal": None}))


def _partial(pieces: Iterable[str]) -> list[bytes]:
    return [_role(), *(sse(chat_chunk({"content": piece})) for piece in pieces)]


def reset_mid_body() -> Reply:
    """A plain answer with a third of its body, then RST."""
    whole = response(200, chat_completion("x" * 300))
    return reply(whole[: len(whole) // 3 + 200], Sleep(0.02), Reset())


def stream_then(pieces: Iterable[str], *steps: Step | bytes) -> Reply:
    """The first events of a stream (role and `pieces`), then `steps`; no terminal event by itself."""
    return reply(stream_head(), *(chunk(event) for event in _partial(pieces)), Sleep(0.02), *steps)


def stream_reset(pieces: Iterable[str] = ()) -> Reply:
    return stream_then(pieces, Reset())


def stream_clean_end(pieces: Iterable[str] = ()) -> Reply:
    """The chunked body ends well, but without finish_reason and `[DONE]`."""
    return stream_then(pieces, LAST_CHUNK)


def stream_stall(pieces: Iterable[str] = ()) -> Reply:
    return stream_then(pieces, Stall())


def stall_before_headers() -> Reply:
    return reply(Stall())


def stall_after_headers() -> Reply:
    return reply(stream_head(), Stall())


def stream_error_first(code: str = "server_error", type: str = "server_error") -> Reply:
    """A 200 whose first event is an error."""
    return sse_reply([sse(error_body("The server had an error.", type, code)), DONE])


def stream_error_later(pieces: Iterable[str] = ("Hello",)) -> Reply:
    return stream_then(pieces, chunk(sse(error_body(code="server_error"))), LAST_CHUNK)


def long_line(size: int = 2_000_000) -> Reply:
    """A stream with one event of `size` bytes."""
    return chat_stream(["x" * size])


def bad_utf8() -> Reply:
    event = sse(chat_chunk({"content": "PLACE"})).replace(b"PLACE", b"\xff\xfe\xc3")
    return sse_reply([_role(), event, *chat_events(["!"])[1:]])


def chopped(events: Sequence[bytes], size: int) -> Reply:
    """A stream whose chunk edges and writes fall everywhere: `size` bytes at a time."""
    steps: list[Step] = [Send(stream_head())]
    for piece in split(b"".join(events), size):
        for part in split(chunk(piece), size):
            steps += [Send(part), Sleep(0)]
    return Reply([*steps, Send(LAST_CHUNK)])


def gzip_unasked(text: str = "Hello there") -> Reply:
    return reply(gzipped(200, chat_completion(text)))


def redirect(location: str = "http://127.0.0.1:1/v1/chat/completions") -> Reply:
    return reply(response(307, b"", [("location", location)]))


def length_and_chunked() -> Reply:
    """Content-Length and Transfer-Encoding at once: two framings, a smuggling hazard."""
    headers = [SSE_TYPE, ("content-length", "5"), ("transfer-encoding", "chunked")]
    return reply(head(200, headers), *(chunk(event) for event in chat_events()), LAST_CHUNK, Close())


def endless_body() -> Reply:
    """A plain answer that never stops."""
    start = head(200, [("content-type", "application/json"), ("transfer-encoding", "chunked")])
    return reply(start, Endless(chunk(b" " * 65_536)))


def endless_stream() -> Reply:
    return reply(stream_head(), Endless(chunk(sse(chat_chunk({"content": "again "})))))


def garbage() -> Reply:
    """Bytes that are not HTTP."""
    return reply(b"\x16\x03\x01 this is not HTTP\r\n\r\n", Close())
