"""A provider that counts: it remembers every call that it has got whole, which is what it would bill.

It runs on a loop and thread of its own, in the tests' process, which nobody kills: its list is the truth that
a ledger is compared with.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self, cast

import httptools
import msgspec
from tests.support.builders import (
    DONE,
    LAST_CHUNK,
    chat_chunk,
    chat_completion,
    chunk,
    response,
    sse,
    stream_head,
    usage,
)

INPUT_TOKENS = 10
OUTPUT_TOKENS = 3


class Seen(NamedTuple):
    """One call. `request_id` is the header `x-request-id`, which the gateway must be told to forward;
    `secret` tells which provider of the configuration it was made as; `at_ns` is `time.time_ns()`."""

    request_id: str
    secret: str
    model: str
    stream: bool
    at_ns: int


class CountingProvider:
    """Every call is answered well, and consumes `input_tokens` and `output_tokens`.

    A plain answer takes `delay_s`. A stream takes it before the first of `pieces` chunks, and `gap_s` before
    each later one. With `jitter` each wait is a random share of that. All may be changed at any time.
    """

    def __init__(
        self,
        *,
        input_tokens: int = INPUT_TOKENS,
        output_tokens: int = OUTPUT_TOKENS,
        delay_s: float = 0.0,
        pieces: int = 3,
        gap_s: float = 0.0,
        jitter: random.Random | None = None,
    ) -> None:
        self.seen: list[Seen] = []
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.delay_s = delay_s
        self.pieces = pieces
        self.gap_s = gap_s
        self.jitter = jitter
        self.port = 0
        self._protocols: set[_Protocol] = set()
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="counting-provider", daemon=True)
        self._arrived = threading.Condition()

    @property
    def url(self) -> str:
        """Base URL for a provider's configuration."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def count(self) -> Counter[str]:
        """How often each request id was seen."""
        return Counter(seen.request_id for seen in list(self.seen))

    def until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until it holds; it is evaluated after each call that has arrived. Blocks."""
        with self._arrived:
            assert self._arrived.wait_for(condition, timeout), "the provider never saw it"

    def drained(self) -> None:
        """Return when every byte that came until now has been looked at. Blocks."""
        asyncio.run_coroutine_threadsafe(self._turn(), self._loop).result(10)

    # --- the provider's own thread ------------------------------------------------------------------

    async def _turn(self) -> None:
        # A turn of the loop reads all sockets that have something; several, for answers in long pieces.
        for _ in range(5):
            await asyncio.sleep(0.005)

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            lambda: _Protocol(self), "127.0.0.1", self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        for protocol in list(self._protocols):
            protocol.abort()
        await asyncio.sleep(0)

    def take(self, seen: Seen) -> None:
        with self._arrived:
            self.seen.append(seen)
            self._arrived.notify_all()

    async def wait(self, seconds: float) -> None:
        if seconds:
            await asyncio.sleep(seconds if self.jitter is None else seconds * self.jitter.random())


class _Call(msgspec.Struct):
    model: str = ""
    stream: bool = False


class _Protocol(asyncio.Protocol):
    """One connection; the gateway sends a request only when the one before is answered."""

    def __init__(self, provider: CountingProvider) -> None:
        self._provider = provider
        self._parser = httptools.HttpRequestParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._body = b""
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._provider._protocols.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._provider._protocols.discard(self)
        if self._answering is not None:
            self._answering.cancel()

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._headers, self._body = {}, b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        call = msgspec.json.decode(self._body, type=_Call)
        seen = Seen(
            request_id=self._headers.get(b"x-request-id", b"").decode(),
            secret=self._headers.get(b"authorization", b"").decode().removeprefix("Bearer "),
            model=call.model,
            stream=call.stream,
            at_ns=time.time_ns(),
        )
        self._provider.take(seen)
        self._answering = asyncio.get_running_loop().create_task(self._answer(seen))

    async def _answer(self, seen: Seen) -> None:
        provider = self._provider
        counts = {"prompt_tokens": provider.input_tokens, "completion_tokens": provider.output_tokens}
        await provider.wait(provider.delay_s)
        if not seen.stream:
            self._transport.write(response(200, chat_completion("Hello there", seen.model, **counts)))
            return
        self._send(chat_chunk({"role": "assistant", "content": ""}, seen.model), head=stream_head())
        for number in range(provider.pieces):
            if number:
                await provider.wait(provider.gap_s)
            self._send(chat_chunk({"content": f"piece-{number} "}, seen.model))
        self._send(chat_chunk({}, seen.model, "stop"))
        self._send(chat_chunk(None, seen.model, usage=usage(**counts)))
        self._transport.write(chunk(DONE) + LAST_CHUNK)

    def _send(self, event: dict[str, object], head: bytes = b"") -> None:
        self._transport.write(head + chunk(sse(event)))
