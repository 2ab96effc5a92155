"""Calls that are not streamed, and what holds for all calls."""

import asyncio
import gzip

import pytest
from tests.support.byte_server import Peer, answering, byte_server, chunk, chunked_head, response
from tests.support.upstream_calls import (
    MAX_RESPONSE,
    counts,
    failure_of,
    fetch,
    kind_of,
    origin_of,
    post,
    until,
)

from fastgate import clock
from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.domain.snapshot import Timeouts
from fastgate.upstream.client import Call, Client


async def test_a_request_and_its_response(client: Client) -> None:
    async with byte_server(answering(response(b"hello", b"X-Request-Id: r1"))) as server:
        before = clock.monotonic_ns()
        call = await fetch(client, origin_of(server), b"question")
        assert (call.status, call.body) == (200, b"hello")
        assert call.header(b"x-request-id") == b"r1"
        assert call.header(b"x-other") is None
        assert (b"x-request-id", b"r1") in call.headers
        assert call.sent
        assert before <= call.started_ns <= call.connected_ns <= call.sent_ns <= call.headers_ns
        assert call.bytes_in == len(response(b"hello", b"X-Request-Id: r1"))
        (request,) = server.requests
        assert request.line == b"POST /v1/chat HTTP/1.1"
        assert request.header(b"host") == b"127.0.0.1:%d" % server.port
        assert request.header(b"accept-encoding") == b"identity"
        assert request.body == b"question"
        assert counts(client) == [(1, 1, 0)]


@pytest.mark.parametrize(
    "status", [b"201 Created", b"302 Found", b"404 Not Found", b"429 Too Many", b"503 Busy"]
)
async def test_any_final_status_is_returned_as_it_is(client: Client, status: bytes) -> None:
    answer = response(b"text", b"Location: http://elsewhere.example/", status=status)
    async with byte_server(answering(answer)) as server:
        call = await fetch(client, origin_of(server))
        assert (call.status, call.body) == (int(status[:3]), b"text")
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (chunked_head() + chunk(b"a") + chunk(b"bc") + chunk(b""), b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(b"late"), b"late"),
        (response(b"x" * 500_000), b"x" * 500_000),
    ],
)
async def test_framings(client: Client, answer: bytes, body: bytes) -> None:
    async with byte_server(answering(answer)) as server:
        for _ in range(3):
            assert (await fetch(client, origin_of(server))).body == body
        assert len(server.peers) == 1


async def test_a_body_that_ends_with_the_connection(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nall ", b"of it")

    async with byte_server(script) as server:
        assert (await fetch(client, origin_of(server))).body == b"all of it"
        assert counts(client) == []


async def test_a_response_in_single_bytes(client: Client) -> None:
    wire = response(b"slowly", b"x: y")

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(*(wire[i : i + 1] for i in range(len(wire))))
        await peer.client_left()

    async with byte_server(script) as server:
        assert (await fetch(client, origin_of(server))).body == b"slowly"


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"x: a\r\n b\r\nContent-Length: 5",
        b"Content-Encoding: br\r\nContent-Length: 5",
        b"Content-Encoding: zstd\r\nContent-Length: 5",
        b"Content-Encoding: gzip\r\nContent-Length: 5",
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_invalid_responses_are_protocol_errors(client: Client, head: bytes, stream: bool) -> None:
    async with byte_server(answering(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\nhello")) as server:
        call = client.call(origin_of(server), Timeouts(), stream=stream)
        try:
            with pytest.raises(UpstreamError) as caught:  # noqa: PT012 - either step may find it
                await call.send(*post(origin_of(server)))
                await call.read_all(100)
        finally:
            call.release()
        assert caught.value.kind is FailureKind.PROTOCOL
        assert "hello" not in str(caught.value)


async def test_gzip_is_decoded_though_not_asked_for(client: Client) -> None:
    packed = gzip.compress(b"hello " * 10_000)
    async with byte_server(answering(response(packed, b"Content-Encoding: gzip"))) as server:
        call = await fetch(client, origin_of(server))
        assert call.body == b"hello " * 10_000
        assert call.header(b"content-encoding") is None
        assert call.header(b"content-length") is None
        assert not {b"content-encoding", b"content-length"} & {name for name, _ in call.headers}
        assert counts(client) == [(1, 1, 0)]


@pytest.mark.parametrize(
    "answer",
    [
        response(b"x" * (MAX_RESPONSE + 1)),
        chunked_head() + chunk(b"x" * 200_000) * 6,
        response(gzip.compress(bytes(50 * MAX_RESPONSE)), b"Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n",
    ],
    ids=["length", "chunks", "bomb", "announced"],
)
async def test_a_response_over_the_limit_is_refused(client: Client, answer: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        await peer.client_left()

    async with byte_server(script) as server:
        assert await kind_of(client, origin_of(server)) is FailureKind.RESPONSE_TOO_LARGE
        assert counts(client) == []


async def test_a_response_at_the_limit_is_fine(client: Client) -> None:
    packed = gzip.compress(bytes(MAX_RESPONSE))
    answers = response(b"x" * MAX_RESPONSE), response(packed, b"Content-Encoding: gzip")
    async with byte_server(answering(*answers)) as server:
        assert len((await fetch(client, origin_of(server))).body) == MAX_RESPONSE
        assert len((await fetch(client, origin_of(server))).body) == MAX_RESPONSE


@pytest.mark.parametrize(
    ("before_the_end", "kind"),
    [
        (b"", FailureKind.RESET_BEFORE_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nContent-Le", FailureKind.RESET_BEFORE_RESPONSE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", FailureKind.RESET_MID_BODY),
        (chunked_head() + chunk(b"part"), FailureKind.RESET_MID_BODY),
    ],
)
@pytest.mark.parametrize("reset", [False, True])
async def test_a_lost_connection(
    client: Client, before_the_end: bytes, kind: FailureKind, reset: bool
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if before_the_end:
            await peer.send(before_the_end, 0.02)  # RST may overtake what was sent before it
        if reset:
            peer.reset()

    async with byte_server(script) as server:
        error = await failure_of(client, origin_of(server))
        assert error.kind is kind
        assert not error.reused
        assert counts(client) == []
        assert len(server.requests) == 1


async def test_a_reset_is_not_the_end_of_a_body_without_framing(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\npart", 0.02)
        peer.reset()

    async with byte_server(script) as server:
        assert await kind_of(client, origin_of(server)) is FailureKind.RESET_MID_BODY


async def test_on_slow_is_called_once_while_there_are_no_headers(client: Client) -> None:
    slow = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await slow.wait()
        await peer.send(0.05, response())
        await peer.client_left()

    async with byte_server(script) as server:
        times: list[int] = []

        def on_slow() -> None:
            times.append(clock.monotonic_ns())
            slow.set()

        call = client.call(origin_of(server), Timeouts(), stream=False)
        call.on_slow = on_slow
        await call.send(*post(origin_of(server)))
        call.release()
        assert len(times) == 1
        assert times[0] - call.started_ns > 18e6


async def test_on_slow_is_not_called_for_a_quick_answer(client: Client) -> None:
    async with byte_server(answering(response())) as server:
        await fetch(client, origin_of(server))
        calls: list[Call] = []
        call = client.call(origin_of(server), Timeouts(), stream=True)
        call.on_slow = lambda: calls.append(call)
        await call.send(*post(origin_of(server)))
        quick = clock.monotonic_ns() - call.started_ns < 15e6
        await asyncio.sleep(0.04)
        assert not (calls and quick)
        call.release()


async def test_on_slow_may_abort(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.client_left()

    async with byte_server(script) as server:
        call = client.call(origin_of(server), Timeouts(), stream=False)
        aborted = UpstreamError(FailureKind.CANCELLED, "the client left")
        call.on_slow = lambda: call.abort(aborted)
        with pytest.raises(UpstreamError) as caught:
            await call.send(*post(origin_of(server)))
        call.release()
        assert caught.value is aborted
        await server.peers[0].gone.wait()


async def test_unasked_bytes_end_an_idle_connection(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(response(), 0.01, response(b"smuggled"))
        await peer.client_left()

    async with byte_server(script) as server:
        assert (await fetch(client, origin_of(server))).body == b"ok"
        await until(lambda: counts(client) == [])
        await server.peers[0].gone.wait()


async def test_bytes_after_the_response_are_not_given_to_the_next_call(client: Client) -> None:
    async with byte_server(answering(response(b"one") + response(b"smuggled"), response(b"two"))) as server:
        assert (await fetch(client, origin_of(server))).body == b"one"
        assert (await fetch(client, origin_of(server))).body == b"two"
        assert len(server.peers) == 2


async def test_failures_say_nothing_of_what_was_sent_or_where(client: Client) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"secret nonsense\r\n\r\n")

    async with byte_server(script) as server:
        error = await failure_of(client, origin_of(server), b"secret")
        assert error.kind is FailureKind.PROTOCOL
        for text in ("secret", str(server.port), "127.0.0.1", "chat"):
            assert text not in repr(error) + error.message
