"""The load of `fastgate bench`: a closed loop, in which each connection asks again when it is answered."""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, NamedTuple

import msgspec

from fastgate import clock, tasks
from fastgate._core.sse import EventSplitter, event_data
from fastgate.cli.bench_target import Target
from fastgate.cli.errors import CommandError
from fastgate.domain.failure import UpstreamError
from fastgate.domain.snapshot import Timeouts
from fastgate.upstream.client import Call, Client

_ANSWER_BYTES: Final = 16 << 20
_SHOWN: Final = 300  # of a refusal's body


class Load(NamedTuple):
    """`requests` and `duration_s`, whichever comes first, end it; None is no end."""

    connections: int
    requests: int | None
    duration_s: int | None


@dataclass
class Measured:
    """Times in nanoseconds, of the calls that went well. `failures` by their kind: `status_429`,
    `connect_refused`, `stream_cut`, ..."""

    target: Target
    connections: int
    elapsed_ns: int = 0
    chunks: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    latencies_ns: "array[int]" = field(default_factory=lambda: array("q"))
    first_contents_ns: "array[int]" = field(default_factory=lambda: array("q"))
    gaps_ns: "array[int]" = field(default_factory=lambda: array("q"))


class _Refused(Exception):
    """The answer's status, and what it said."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"status_{status}")
        self.status = status
        self.body = body


class _BrokenStream(Exception):
    """A stream that ended without its last event, or with an error. The message is its kind."""


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Any] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    error: Any = None

    def has_content(self) -> bool:
        return any(c.delta.content or c.delta.reasoning_content or c.delta.tool_calls for c in self.choices)


_decode: Final = msgspec.json.Decoder(_Chunk).decode


async def run(target: Target, load: Load) -> Measured:
    """Ask once, and only if that went well, all the rest. CommandError says why it did not.

    The first call is not in the figures: it opens a connection, and may wake something up.
    """
    client = Client(max_response_bytes=_ANSWER_BYTES)
    try:
        await _try(target, client)
        measured = Measured(target, load.connections)
        began_ns = clock.monotonic_ns()
        ends_ns = None if load.duration_s is None else began_ns + load.duration_s * 1_000_000_000
        numbers = iter(count() if load.requests is None else range(load.requests))
        lanes = [
            tasks.spawn(_lane(measured, client, numbers, ends_ns), name="bench")
            for _ in range(load.connections)
        ]
        for lane in lanes:
            await lane
        measured.elapsed_ns = clock.monotonic_ns() - began_ns
        return measured
    finally:
        await tasks.cancel_all()
        await client.aclose()


async def _try(target: Target, client: Client) -> None:
    try:
        await _call(Measured(target, 1), client)
    except _Refused as refused:
        said = refused.body[:_SHOWN].decode(errors="replace").strip()
        hint = " (is --key-env set to the variable with the key?)" if refused.status in {401, 403} else ""
        raise CommandError(f"{target.url} answers {refused.status}{hint}: {said or 'nothing'}") from None
    except UpstreamError as error:
        raise CommandError(f"{target.url}: {error.message}") from None
    except _BrokenStream as error:
        raise CommandError(f"{target.url} does not answer with a stream of chat chunks ({error})") from None


async def _lane(measured: Measured, client: Client, numbers: Iterator[int], ends_ns: int | None) -> None:
    for _ in numbers:
        if ends_ns is not None and clock.monotonic_ns() >= ends_ns:
            return
        try:
            await _call(measured, client)
        except (_Refused, _BrokenStream) as error:
            measured.failures[str(error)] += 1
        except UpstreamError as error:
            measured.failures[str(error.kind)] += 1


async def _call(measured: Measured, client: Client) -> None:
    target = measured.target
    call = client.call(target.origin, Timeouts(), stream=target.stream)
    began_ns = clock.monotonic_ns()
    try:
        await call.send(target.head, target.body)
        if call.status != 200:
            raise _Refused(call.status, await call.read_all(_ANSWER_BYTES))
        if target.stream:
            await _read_stream(measured, call, began_ns)
        measured.latencies_ns.append(clock.monotonic_ns() - began_ns)
    finally:
        call.release()


async def _read_stream(measured: Measured, call: Call, began_ns: int) -> None:
    """Times of each chunk with content; those that came together have no gap between them."""
    splitter = EventSplitter()
    before_ns = 0
    last = b""
    while data := await call.read():
        now_ns = clock.monotonic_ns()
        for event in _events(splitter, data):
            last = event_data(event) or last
            if not _has_content(last):
                continue
            call.content_started()
            measured.chunks += 1
            if before_ns:
                measured.gaps_ns.append(now_ns - before_ns)
            else:
                measured.first_contents_ns.append(now_ns - began_ns)
            before_ns = now_ns
    if last != b"[DONE]":
        raise _BrokenStream("stream_cut")


def _events(splitter: EventSplitter, data: bytes) -> Iterator[bytes]:
    try:
        splitter.feed(data)
    except BufferError:
        raise _BrokenStream("stream_malformed") from None
    return (event for event, _ in splitter.events())


def _has_content(data: bytes) -> bool:
    if data == b"[DONE]":
        return False
    try:
        chunk = _decode(data)
    except msgspec.DecodeError:
        raise _BrokenStream("stream_malformed") from None
    if chunk.error is not None:
        raise _BrokenStream("stream_error")
    return chunk.has_content()
