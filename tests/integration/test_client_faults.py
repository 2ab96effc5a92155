"""Clients that leave, or do not read: what the provider, the log and the metrics see of it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import replies
from tests.support.builders import LAST_CHUNK, chat_chunk, chat_events, chunk, sse, stream_head
from tests.support.gateway_process import SECRET, provider_config
from tests.support.gateway_rig import GatewayRig, plain_config
from tests.support.metrics import Scrape
from tests.support.raw_client import RawClient, chat_body, raw_client, request
from tests.support.replies import Endless, Gate, Reply, Sleep, Wait, reply

from fastgate.launch import Edge

DRAIN_SECRET = "drain-secret-0123456789abcdefghijk"
BRIEF_SECRET = "brief-secret-0123456789abcdefghijk"
DRAIN_MAX_S = 0.3

PROMPTLY_NS = 1_000_000_000
MIB = 1024 * 1024


def configure(provider_url: str) -> dict[str, Any]:
    config = plain_config(provider_url)
    config["providers"]["limited"] = provider_config(provider_url, "limited")
    config["virtual_keys"] += [
        {"id": "vk_drain", "secret": DRAIN_SECRET, "on_disconnect": "drain"},
        {"id": "vk_brief", "secret": BRIEF_SECRET, "on_disconnect": "drain", "drain_max_s": DRAIN_MAX_S},
    ]
    return config


@pytest.fixture(scope="module")
def _rig(tmp_path_factory: pytest.TempPathFactory, edge: Edge) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("gateway"), configure, edge=edge) as rig:
        rig.warm_up()
        yield rig


@pytest.fixture
def rig(_rig: GatewayRig) -> Iterator[GatewayRig]:
    yield _rig
    _rig.check()


def chat(request_id: str, *, secret: str = SECRET, **fields: Any) -> bytes:
    return request(chat_body(**fields), ("X-Request-Id", request_id), secret=secret)


async def first_content(client: RawClient) -> None:
    head = await client.response_head()
    assert head.status == 200
    await client.until(b"Hello")


async def left(
    rig: GatewayRig, before: Scrape, request_id: str, *, status: int, result: str
) -> dict[str, Any]:
    """The log line of an exchange whose client left, with its one attempt's result; counted so."""
    line = await rig.line(request_id)
    assert (line["client"], line["finish"]) == ("disconnected", "cancelled")
    assert (line.get("status", 0), line["level"]) == (status, "info")
    assert [attempt["result"] for attempt in line["attempts"]] == [result]
    await rig.counted(before, "fastgate_client_disconnects_total", endpoint="chat")
    await rig.counted(before, "fastgate_requests_total", endpoint="chat", status=str(status))
    return line


@pytest.mark.parametrize("goodbye", ["FIN", "RST"])
@pytest.mark.parametrize("stream", [False, True])
async def test_leaves_before_the_first_byte(rig: GatewayRig, stream: bool, goodbye: str) -> None:
    rig.provider.script(replies.stall_before_headers())
    before = await rig.gateway.ascrape()
    request_id = f"early-{stream}-{goodbye}"
    async with raw_client(rig.url) as client:
        await client.send(chat(request_id, stream=stream))
        connection = (await rig.upstream_request()).connection
        left_ns = time.monotonic_ns()
        client.close() if goodbye == "FIN" else client.reset()
    assert await rig.upstream_closed(connection) - left_ns < PROMPTLY_NS
    line = await left(rig, before, request_id, status=0, result="cancelled")
    assert "provider" not in line
    await rig.counted(before, "fastgate_attempt_failures_total", provider="local", kind="cancelled")


@pytest.mark.parametrize("goodbye", ["FIN", "RST"])
async def test_leaves_in_mid_stream(rig: GatewayRig, goodbye: str) -> None:
    rig.provider.script(replies.stream_stall(["Hello"]))
    before = await rig.gateway.ascrape()
    request_id = f"mid-{goodbye}"
    async with raw_client(rig.url) as client:
        await client.send(chat(request_id, stream=True))
        await first_content(client)
        left_ns = time.monotonic_ns()
        client.close() if goodbye == "FIN" else client.reset()
    assert await rig.upstream_closed(rig.provider.requests[0].connection) - left_ns < PROMPTLY_NS
    line = await left(rig, before, request_id, status=200, result="cancelled")
    assert (line["provider"], line["stream"]) == ("local", True)
    assert line["ttft_ms"] > 0
    await rig.counted(before, "fastgate_attempt_failures_total", provider="local", kind="cancelled")


async def test_leaves_while_it_sends_its_body(rig: GatewayRig) -> None:
    before = await rig.gateway.ascrape()
    async with raw_client(rig.url) as client:
        await client.send(request(b"{", ("X-Request-Id", "half-sent"), framing=[("Content-Length", "100")]))
        await rig.gateway.until_metric(lambda s: s.value("fastgate_requests_in_flight", endpoint="chat") == 1)
    line = await rig.line("half-sent")
    assert (line["client"], line["finish"], line.get("status", 0)) == ("disconnected", "cancelled", 0)
    await rig.counted(before, "fastgate_client_disconnects_total", endpoint="chat")
    assert rig.provider.requests == []


async def test_leaves_during_the_wait_before_a_retry(rig: GatewayRig) -> None:
    """The credential's Retry-After is half a minute, the client's departure ends the wait at once."""
    rig.provider.script(replies.rate_limited("30"), model="limited")
    before = await rig.gateway.ascrape()
    async with raw_client(rig.url) as client:
        await client.send(chat("impatient", model="limited"))
        await rig.counted(before, "fastgate_cooldowns_total", provider="limited")
        client.close()
    line = await left(rig, before, "impatient", status=0, result="rate_limited")
    assert line["duration_ms"] < 10_000


async def test_drains_a_stream_whose_client_left(rig: GatewayRig) -> None:
    gate = Gate()
    rest = [chunk(event) for event in chat_events(["Hello", "more"])[2:]]
    rig.provider.script(replies.stream_then(["Hello"], Wait(gate), *rest, LAST_CHUNK))
    before = await rig.gateway.ascrape()
    async with raw_client(rig.url) as client:
        await client.send(chat("drained", secret=DRAIN_SECRET, stream=True))
        await first_content(client)
        await client.leave()
    gate.open()
    line = await left(rig, before, "drained", status=200, result="ok")
    assert (line["input_tokens"], line["output_tokens"]) == (10, 3)
    await rig.counted(before, "fastgate_output_tokens_total", 3, provider="local")
    assert rig.provider.requests[0].connection.open, "it was read to its end, and can serve on"


@pytest.mark.parametrize("stream", [False, True])
async def test_drains_an_answer_that_had_not_begun(rig: GatewayRig, stream: bool) -> None:
    gate = Gate()
    answer = replies.chat_stream(["Hello"]) if stream else replies.chat_reply()
    rig.provider.script(replies.reply(Wait(gate), Sleep(0.1)) + answer)
    before = await rig.gateway.ascrape()
    request_id = f"drained-early-{stream}"
    async with raw_client(rig.url) as client:
        await client.send(chat(request_id, secret=DRAIN_SECRET, stream=stream))
        await rig.upstream_request()
        await client.leave()
    gate.open()
    line = await rig.line(request_id)
    assert (line["client"], line["finish"]) == ("disconnected", "cancelled")
    assert (line["input_tokens"], line["output_tokens"]) == (10, 3)
    assert [attempt["result"] for attempt in line["attempts"]] == ["ok"]
    await rig.counted(before, "fastgate_client_disconnects_total", endpoint="chat")
    assert rig.provider.requests[0].connection.open


@pytest.mark.parametrize("begun", [False, True])
async def test_drains_no_longer_than_the_key_allows(rig: GatewayRig, begun: bool) -> None:
    stalled = replies.stream_stall(["Hello"]) if begun else replies.stall_before_headers()
    rig.provider.script(stalled)
    before = await rig.gateway.ascrape()
    request_id = f"drained-briefly-{begun}"
    async with raw_client(rig.url) as client:
        await client.send(chat(request_id, secret=BRIEF_SECRET, stream=True))
        if begun:
            await first_content(client)
        connection = (await rig.upstream_request()).connection
        left_ns = time.monotonic_ns()
        client.close()
    closed_ns = await rig.upstream_closed(connection)
    assert DRAIN_MAX_S * 1e9 <= closed_ns - left_ns < DRAIN_MAX_S * 1e9 + PROMPTLY_NS
    await left(rig, before, request_id, status=200 if begun else 0, result="deadline")


async def test_half_closes_after_its_request(rig: GatewayRig) -> None:
    """A client that shuts down its sending side has left: the server closes the connection unanswered.

    granian has no switch for hyper's `half_close`. HTTP clients do not half-close.
    """
    rig.provider.script(replies.stall_before_headers())
    before = await rig.gateway.ascrape()
    async with raw_client(rig.url) as client:
        await client.send(chat("half-closed"))
        connection = (await rig.upstream_request()).connection
        client.half_close()
        assert await client.rest() == b""
    await rig.upstream_closed(connection)
    await left(rig, before, "half-closed", status=0, result="cancelled")


def endless() -> Reply:
    return reply(stream_head(), Endless(chunk(sse(chat_chunk({"content": "again " * 2_000})))))


async def test_does_not_read_its_stream(rig: GatewayRig) -> None:
    """The provider cannot write on, memory is bounded, others are served; reading lets it go on."""
    rig.provider.script(endless(), times=1)
    before = await rig.gateway.ascrape()
    async with raw_client(rig.url, receive_buffer=4096) as client:
        with rig.memory_bounded(16 * MIB):
            await client.send(chat("not-reading", stream=True))
            upstream = (await rig.upstream_request()).connection
            written = await standstill(rig)
            for _ in range(20):
                await client.byte()
                assert (await rig.exchange(request(chat_body()))).status == 200
            assert (upstream.blocked, upstream.written) == (True, written)
            while upstream.written == written:
                await client.exactly(65_536)
            client.close()
        await rig.upstream_closed(upstream)
    line = await rig.line("not-reading")
    assert (line["client"], line["finish"], line["status"]) == ("disconnected", "cancelled", 200)
    await rig.counted(before, "fastgate_client_disconnects_total", endpoint="chat")


async def standstill(rig: GatewayRig) -> int:
    """How much the provider wrote on its first connection when it could write no more for a while."""
    upstream = rig.provider.requests[0].connection
    while upstream.written < 64 * MIB:
        written = upstream.written
        for _ in range(5):
            await rig.exchange(request(chat_body()))
        if upstream.blocked and upstream.written == written:
            return written
    raise AssertionError("the provider can still write")


async def test_many_that_do_not_read(rig: GatewayRig) -> None:
    """Each stalled stream holds no more than 4 MiB, whatever its provider would send."""
    rig.provider.script(endless(), times=20)
    clients = [await RawClient.connect(rig.url, receive_buffer=4096) for _ in range(20)]
    try:
        with rig.memory_bounded(20 * 4 * MIB):
            for client in clients:
                await client.send(request(chat_body(stream=True)))
            await rig.provider.until(
                lambda: sum(request.connection.blocked for request in rig.provider.requests) == 20
            )
            await rig.answered(request(chat_body()))
    finally:
        for client in clients:
            client.close()
    await rig.gateway.until_metric(lambda scrape: scrape.value("fastgate_open_streams") == 0)
