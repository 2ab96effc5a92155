"""Server-sent events, cut out of the chunks that they come in."""

import functools
from collections.abc import Callable, Iterator

from benchmarks.micro.timing import Case
from tests.reference import sse as reference

from fastgate._core import sse

# What a chat stream is searched for.
MARKERS = (b'"content"', b'"tool_calls"', b'"reasoning_content"', b'"usage"', b'"error"', b"[DONE]")

CHUNK = (
    b'data: {"id":"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012","object":"chat.completion.chunk",'
    b'"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_0123456789","choices":[{"index":0,'
    b'"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null}\n\n'
)


def feeds(data: bytes, size: int) -> tuple[Callable[[], object], Callable[[], object]]:
    chunks = [data[at : at + size] for at in range(0, len(data), size)]

    def feed_all(splitter: sse.EventSplitter | reference.EventSplitter) -> None:
        for chunk in chunks:
            splitter.feed(chunk)
            _ = splitter.mask

    core, oracle = sse.EventSplitter(MARKERS), reference.EventSplitter(MARKERS)
    return functools.partial(feed_all, core), functools.partial(feed_all, oracle)


def cases() -> Iterator[Case]:
    crlf = CHUNK.replace(b"\n\n", b"\r\n\r\n")
    yield Case("sse.feed: one event a chunk", *feeds(CHUNK, len(CHUNK)))
    yield Case("sse.feed: one event a chunk, CRLF", *feeds(crlf, len(crlf)))
    yield Case("sse.feed: 20 events a chunk", *feeds(CHUNK * 20, 20 * len(CHUNK)))
    yield Case("sse.feed: an event in two chunks", *feeds(CHUNK, 200))
    yield Case("sse.feed: a line of 64 KiB in 1 KiB chunks", *feeds(b"data: " + b"x" * 65536 + b"\n\n", 1024))
    yield Case(
        "sse.event_data",
        functools.partial(sse.event_data, CHUNK),
        functools.partial(reference.event_data, CHUNK),
    )
