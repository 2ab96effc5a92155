"""Providers that answer oddly, too much, or in pieces. What they break is in test_failover_matrix.py."""

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.support import replies
from tests.support.builders import (
    DONE,
    JSON_TYPE,
    LAST_CHUNK,
    chat_chunk,
    chat_completion,
    chat_events,
    chunk,
    head,
    response,
    split,
    sse,
    stream_head,
)
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import provider_config
from tests.support.gateway_rig import GatewayRig, plain_config
from tests.support.raw_client import Response, chat_body, request
from tests.support.replies import Close, Endless, Reply, Sleep, reply

MIB = 1024 * 1024
MAX_RESPONSE = 1 * MIB
MAX_EVENT = 4 * MIB

PLAIN = request(chat_body())
STREAM = request(chat_body(stream=True, stream_options={"include_usage": True}))
KINDS = pytest.mark.parametrize("data", [PLAIN, STREAM], ids=["plain", "stream"])


def configure(provider_url: str) -> dict[str, Any]:
    """Without retries, so that each test is one call; no breaker opens."""
    config = plain_config(provider_url)
    config["providers"]["local"] = provider_config(
        provider_url, retries={"max": 0}, breaker={"min_requests": 1_000}
    )
    config["upstream"] = {"max_response_bytes": MAX_RESPONSE, "max_event_bytes": MAX_EVENT}
    return config


@pytest.fixture(scope="module")
def _rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("gateway"), configure) as rig:
        rig.warm_up()
        yield rig


@pytest.fixture
def rig(_rig: GatewayRig) -> Iterator[GatewayRig]:
    yield _rig
    _rig.check()


async def fails(rig: GatewayRig, data: bytes, kind: str) -> Response:
    """502 before anything was relayed; the attempt is in header, log and metrics with its kind."""
    before = await rig.gateway.ascrape()
    result = await rig.refused(data, 502, "upstream_error", calls=1)
    assert kind in (result.header("x-fastgate-attempts") or "")
    line = await rig.line(result.request_id)
    assert [attempt["result"] for attempt in line["attempts"]] == [kind]
    assert line["level"] == "warning"
    await rig.counted(before, "fastgate_attempt_failures_total", provider="local", kind=kind)
    return result


async def is_cut(rig: GatewayRig, data: bytes, kind: str) -> Response:
    """200 with the beginning and a terminal error; log and metrics say what it was."""
    before = await rig.gateway.ascrape()
    result = await rig.exchange(data)
    assert result.status == 200
    assert b"Hello" in result.body
    last = result.body.rstrip(b"\n").rpartition(b"\n\n")[2]
    assert last.startswith(b'data: {"error":')
    assert b'"code":"upstream_error"' in last
    assert DONE not in result.body
    line = await rig.line(result.request_id)
    assert (line["status"], line["finish"], line["code"]) == (200, "cut", "upstream_error")
    assert [attempt["result"] for attempt in line["attempts"]] == [kind]
    await rig.counted(before, "fastgate_attempt_failures_total", provider="local", kind=kind)
    await rig.counted(before, "fastgate_requests_total", endpoint="chat", status="200")
    return result


# --- odd, but to be relayed ---------------------------------------------------------------------


async def test_a_line_of_two_megabytes(rig: GatewayRig) -> None:
    rig.provider.script(replies.long_line(2_000_000))
    with rig.memory_bounded(48 * MIB):
        result, _ = await rig.answered(STREAM)
    assert result.body == b"".join(chat_events(["x" * 2_000_000]))
    line = await rig.line(result.request_id)
    assert (line["input_tokens"], line["output_tokens"]) == (10, 3)


async def test_bad_utf8_in_a_stream(rig: GatewayRig) -> None:
    events = chat_events(["one", "two"])
    events[1] = events[1].replace(b"one", b"\xff\xfe\xc3")
    rig.provider.script(replies.sse_reply(events))
    result, _ = await rig.answered(STREAM)
    assert result.body == b"".join(events)


async def test_bad_utf8_in_a_body(rig: GatewayRig) -> None:
    body = b'{"id":"x","choices":[],"text":"\xff\xfe\xc3"}'
    rig.provider.script(reply(response(200, body, [JSON_TYPE])))
    result, _ = await rig.answered(PLAIN)
    assert result.body == body


_LF = chat_events(["Hé", "llo", "\\n\n"])
_STREAMS = {
    "LF": _LF,
    "CRLF": [event.replace(b"\n", b"\r\n") for event in _LF],
    "CR": [event.replace(b"\n", b"\r") for event in _LF],
    "comments": [b": ping\n\n", _LF[0], b":\n\n", *_LF[1:]],
    "fields": [b"id: 1\nretry: 5\n" + event for event in _LF],
    "BOM": [b"\xef\xbb\xbf" + _LF[0], *_LF[1:]],
}


@pytest.mark.parametrize("size", [1, 2, 7, 64])
@pytest.mark.parametrize("ends", _STREAMS)
async def test_chunk_edges_everywhere(rig: GatewayRig, ends: str, size: int) -> None:
    """The same bytes come out, whatever pieces they came in."""
    events = _STREAMS[ends]
    rig.provider.script(replies.chopped(events, size))
    result, _ = await rig.answered(STREAM)
    assert result.body == b"".join(events)
    line = await rig.line(result.request_id)
    assert (line["input_tokens"], line["output_tokens"]) == (10, 3)


@pytest.mark.parametrize("size", [1, 3, 1_000])
async def test_a_stream_of_which_nothing_is_withheld_in_any_pieces(rig: GatewayRig, size: int) -> None:
    """The usage chunk that only the gateway asked for is left out, whatever pieces it came in."""
    events = chat_events()
    rig.provider.script(replies.chopped(events, size))
    result, _ = await rig.answered(request(chat_body(stream=True)))
    assert result.body == b"".join(event for event in events if b'"usage"' not in event)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "x-gzip"])
@pytest.mark.parametrize("size", [1, 100_000])
async def test_a_compressed_body_is_decoded(rig: GatewayRig, coding: str, size: int) -> None:
    body = msgspec.json.encode(chat_completion())
    coded = zlib.compress(body) if coding == "deflate" else gzip.compress(body)
    start = head(200, [JSON_TYPE, ("content-encoding", coding), ("content-length", str(len(coded)))])
    rig.provider.script(reply(*split(start + coded, size)))
    result, upstream = await rig.answered(PLAIN)
    assert upstream.header("accept-encoding") == "identity"
    assert result.body == body
    assert result.header("content-encoding") is None
    assert result.header("content-length") == str(len(body))


async def test_a_compressed_stream_is_decoded(rig: GatewayRig) -> None:
    events = chat_events()
    coded = gzip.compress(b"".join(events))
    start = stream_head([("content-encoding", "gzip")])
    rig.provider.script(reply(start, *(chunk(piece) for piece in split(coded, 5)), LAST_CHUNK))
    result, _ = await rig.answered(STREAM)
    assert result.body == b"".join(events)
    assert result.header("content-encoding") is None


@KINDS
@pytest.mark.parametrize(
    "interim", [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 X\r\nlink: <a>\r\n\r\n" * 3]
)
async def test_interim_responses(rig: GatewayRig, data: bytes, interim: bytes) -> None:
    rig.provider.script(reply(interim) + (replies.chat_stream() if data is STREAM else replies.chat_reply()))
    result, _ = await rig.answered(data)
    assert result.header("link") is None


async def test_a_body_that_ends_with_its_connection(rig: GatewayRig) -> None:
    body = msgspec.json.encode(chat_completion())
    rig.provider.script(reply(b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n", body, Close()))
    result, _ = await rig.answered(PLAIN)
    assert result.body == body


@pytest.mark.parametrize(
    "body", [b"<html>Bad Request</html>", b"", b"\xff\xfe", b'{"detail":[{"msg":"no"}]}', b"[]"]
)
async def test_a_refusal_in_another_shape(rig: GatewayRig, body: bytes) -> None:
    rig.provider.script(reply(response(422, body, [("content-type", "text/html")])))
    result = await rig.exchange(PLAIN)
    assert result.status == 422
    assert result.error()["type"] == "invalid_request_error"
    assert result.header("content-type") == "application/json"
    assert (await rig.line(result.request_id))["status"] == 422


# --- too much ---------------------------------------------------------------------------------------


@KINDS
async def test_an_endless_body(rig: GatewayRig, data: bytes) -> None:
    rig.provider.script(replies.endless_body())
    with rig.memory_bounded(16 * MIB):
        await fails(rig, data, "response_too_large")
    await rig.upstream_closed(rig.provider.requests[0].connection)


async def test_a_body_that_announces_too_much(rig: GatewayRig) -> None:
    start = head(200, [JSON_TYPE, ("content-length", str(MAX_RESPONSE + 1))])
    rig.provider.script(reply(start, replies.Stall()))
    await fails(rig, PLAIN, "response_too_large")


@pytest.mark.parametrize(
    ("status", "kind"), [(200, "response_too_large"), (400, "response_too_large"), (500, "server_error")]
)
async def test_a_gzip_bomb(rig: GatewayRig, status: int, kind: str) -> None:
    coded = gzip.compress(b" " * 100 * MIB)
    start = head(status, [JSON_TYPE, ("content-encoding", "gzip"), ("content-length", str(len(coded)))])
    rig.provider.script(reply(start, coded))
    with rig.memory_bounded(16 * MIB):
        await fails(rig, PLAIN, kind)


async def test_an_endless_event_before_content(rig: GatewayRig) -> None:
    rig.provider.script(reply(stream_head(), Endless(chunk(b"x" * 65_536))))
    with rig.memory_bounded(8 * MAX_EVENT):
        await fails(rig, STREAM, "protocol")
    await rig.upstream_closed(rig.provider.requests[0].connection)


async def test_endless_events_without_content(rig: GatewayRig) -> None:
    empty = chunk(sse(chat_chunk({"role": "assistant", "content": ""})) * 100)
    rig.provider.script(reply(stream_head(), Endless(empty)))
    with rig.memory_bounded(8 * MAX_EVENT):
        await fails(rig, STREAM, "protocol")


async def test_an_endless_event_after_content(rig: GatewayRig) -> None:
    rig.provider.script(replies.stream_then(["Hello"], Endless(chunk(b"x" * 65_536))))
    with rig.memory_bounded(8 * MAX_EVENT):
        await is_cut(rig, STREAM, "response_too_large")
    await rig.upstream_closed(rig.provider.requests[0].connection)


@KINDS
@pytest.mark.parametrize(
    "endless",
    [
        reply(b"HTTP/1.1 200 OK\r\n", Endless(b"x-more: " + b"a" * 8_000 + b"\r\n")),
        reply(b"HTTP/1.1 200 OK\r\nx-more: ", Endless(b"a" * 65_536)),
        reply(Endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 1_000)),
        reply(stream_head() + b"1;", Endless(b"a" * 65_536)),
    ],
    ids=["headers", "header", "interim responses", "chunk extension"],
)
async def test_endless_framing(rig: GatewayRig, data: bytes, endless: Reply) -> None:
    rig.provider.script(endless)
    with rig.memory_bounded(16 * MIB):
        await fails(rig, data, "protocol")
    await rig.upstream_closed(rig.provider.requests[0].connection)


# --- not to be relayed ------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(rig: GatewayRig, data: bytes, status: int) -> None:
    with FakeProvider() as elsewhere:
        location = ("location", f"{elsewhere.url}/chat/completions")
        rig.provider.script(reply(response(status, b"", [location])))
        result = await fails(rig, data, "redirect")
        assert result.header("location") is None
        assert elsewhere.connections == []


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"this is not gzip"),
        ("gzip", gzip.compress(b'{"id":"x"}', mtime=0)[:-4]),
        ("gzip", gzip.compress(b'{"id":"x"}', mtime=0) + b"more"),
        ("br", b"\x8b\x04\x80{}\x03"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0)),
    ],
)
async def test_a_coding_that_cannot_be_decoded(rig: GatewayRig, coding: str, body: bytes) -> None:
    rig.provider.script(reply(response(200, body, [JSON_TYPE, ("content-encoding", coding)])))
    await fails(rig, PLAIN, "protocol")


@pytest.mark.parametrize("value", ["a\x01b", "a\x00b", "a\rb", "a\r\n b", "a\x7fb"])
async def test_control_characters_in_a_header(rig: GatewayRig, value: str) -> None:
    rig.provider.script(replies.chat_reply(headers=[("x-ratelimit-limit-requests", value)]))
    await fails(rig, PLAIN, "protocol")


# --- pooled connections ---------------------------------------------------------------------------


async def test_idle_connections_that_the_provider_closed(rig: GatewayRig) -> None:
    await rig.answered(PLAIN)
    rig.provider.drop_connections()
    result, upstream = await rig.answered(PLAIN)
    assert (await rig.line(result.request_id)).get("retries", 0) == 0
    assert upstream.connection.requests == 1


@KINDS
async def test_a_connection_that_is_closed_just_when_it_is_reused(rig: GatewayRig, data: bytes) -> None:
    """The request is repeated once on a fresh connection, which is no attempt and no retry."""
    await rig.answered(PLAIN)
    good = replies.chat_stream() if data is STREAM else replies.chat_reply()
    rig.provider.script(replies.close_before_a_byte(), good)
    before = await rig.gateway.ascrape()
    result = await rig.exchange(data)
    assert result.status == 200
    _, stale, fresh = rig.provider.requests
    assert (stale.connection.requests > 1, fresh.connection.requests) == (True, 1)
    assert fresh.raw == stale.raw
    line = await rig.line(result.request_id)
    assert [attempt["result"] for attempt in line["attempts"]] == ["ok"]
    after = await rig.counted(before, "fastgate_attempts_total", provider="local")
    for name in ("fastgate_retries_total", "fastgate_attempt_failures_total"):
        assert after.value(name) == before.value(name)


@KINDS
async def test_a_second_response_that_nobody_asked_for(rig: GatewayRig, data: bytes) -> None:
    """It is never taken for the answer to the next request."""
    forged = response(200, chat_completion("forged"))
    good = replies.chat_stream() if data is STREAM else replies.chat_reply()
    rig.provider.script(good + reply(forged), times=1)
    result, _ = await rig.answered(data)
    assert b"forged" not in result.body
    result, _ = await rig.answered(data)
    assert b"forged" not in result.body


async def test_a_response_before_the_request(rig: GatewayRig) -> None:
    """Sent on an idle connection, some time after the answer before it."""
    rig.provider.script(
        replies.chat_reply() + reply(Sleep(0.05), response(200, chat_completion("forged"))), times=1
    )
    _, first = await rig.answered(PLAIN)
    await rig.upstream_closed(first.connection)
    result, second = await rig.answered(PLAIN)
    assert b"forged" not in result.body
    assert second.connection is not first.connection
