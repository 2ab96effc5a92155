"""The streaming contract (docs/failover.md, Streams), rule by rule."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import replies
from tests.support.backends import (
    ROLE,
    backend,
    backends,
    chunks,
    config,
    error_code,
    finish,
    of,
    streamed,
)
from tests.support.builders import DONE as DONE_EVENT
from tests.support.builders import LAST_CHUNK, chat_chunk, chunk, sse, usage
from tests.support.event_stream import DONE, EventStream, chat_stream, text_of
from tests.support.gateway_rig import GatewayRig
from tests.support.raw_client import RawClient, chat_body, raw_client, request
from tests.support.replies import Gate, Sleep, Stall, Wait

from fastgate.launch import Edge

END = chunk(DONE_EVENT) + LAST_CHUNK
USAGE = chunk(sse(chat_chunk(None, usage=usage(11, 4))))


def configuration(url: str) -> dict[str, Any]:
    timers = {
        "headers": {"headers_s": 0.3, "first_content_s": 20},
        "content": {"headers_s": 20, "first_content_s": 0.3},
        "silence": {"first_content_s": 20, "between_chunks_s": 0.3},
        "total": {"total_s": 0.4},
    }
    return config(
        url,
        {
            **backends("gpt", "second"),
            **{name: backend(name, timeouts=timeouts) for name, timeouts in timers.items()},
            "mute": backend("mute", stream_usage=False),
        },
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, edge: Edge) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("streaming"), configuration, edge=edge) as rig:
        yield rig


@pytest.fixture
def rig(shared: GatewayRig) -> Iterator[GatewayRig]:
    yield shared
    shared.check()


async def nothing_comes(client: RawClient) -> None:
    """Not a byte, while the provider holds."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await client.exactly(1)


# --- until the first content --------------------------------------------------------------------------


_HALF = ROLE.index(b"choices")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (ROLE, b""),
        (chunk(b": keep-alive\n\n") + ROLE, b""),
        (ROLE + b"".join(chunks({"content": None}, {"content": ""}, {"tool_calls": []})), b""),
        (ROLE[:_HALF], ROLE[_HALF:]),
    ],
    ids=["headers", "role", "comment", "empty deltas", "half an event"],
)
async def test_nothing_goes_downstream_before_the_first_content(
    rig: GatewayRig, before: bytes, after: bytes
) -> None:
    held = Gate()
    rig.provider.script(streamed(before, Wait(held), after, "now", finish(), END))
    async with raw_client(rig.url) as client:
        await client.send(request(chat_body(model="gpt", stream=True)))
        await rig.upstream_request()
        await nothing_comes(client)
        held.open()
        answer = await EventStream.of(client)
        assert answer.head.status == 200
        assert text_of((await answer.chunks())[:-1]) == "now"


@pytest.mark.parametrize(
    "delta",
    [
        {"content": "text"},
        {
            "tool_calls": [
                {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
            ]
        },
        {"refusal": "no"},
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
    ],
    ids=lambda delta: next(iter(delta)),
)
async def test_what_counts_as_content(rig: GatewayRig, delta: dict[str, Any]) -> None:
    gate = Gate()
    rig.provider.script(streamed(ROLE, *chunks(delta), Wait(gate), finish(), END))
    async with chat_stream(rig.url, "gpt") as answer:
        assert '"role"' in (await answer.event() or "")
        assert next(iter(delta)) in (await answer.event() or "")
        gate.open()
        assert (await answer.chunks())[-1] == DONE


async def test_an_answer_without_content_is_relayed_at_its_end(rig: GatewayRig) -> None:
    rig.provider.script(streamed(ROLE, finish("content_filter"), END))
    async with chat_stream(rig.url, "gpt") as answer:
        received = await answer.chunks()
    assert received[-2]["choices"][0]["finish_reason"] == "content_filter"
    assert received[-1] == DONE


# --- relaying ------------------------------------------------------------------------------------------


async def test_chunks_are_relayed_one_by_one(rig: GatewayRig) -> None:
    """The provider sends the next one only when the client has the one before."""
    pieces = [f"piece {n} " for n in range(8)]
    gates = [Gate() for _ in pieces]
    steps = [step for piece, gate in zip(pieces, gates, strict=True) for step in (piece, Wait(gate))]
    rig.provider.script(streamed(ROLE, *steps, finish(), END))
    async with chat_stream(rig.url, "gpt") as answer:
        await answer.event()
        for piece, gate in zip(pieces, gates, strict=True):
            assert piece in (await answer.event() or "")
            gate.open()
        assert (await answer.rest())[-1] == DONE


async def test_what_is_relayed_is_not_re_encoded(rig: GatewayRig) -> None:
    odd = b'data:   {"choices" : [ {"index":0,"delta":{"content":"\\u00e4 \xf0\x9f\x8c\x8d"}} ], "x": 1e2 }'
    named = b"event: message\nid: 7\ndata: " + sse(chat_chunk({"content": "b"}))[6:]
    sent = odd + b"\r\n\r\n: comment\n\n" + named
    rig.provider.script(streamed(ROLE, chunk(sent[:30]), chunk(sent[30:]), finish(), END))
    async with raw_client(rig.url) as client:
        await client.send(request(chat_body(model="gpt", stream=True)))
        response = await client.response()
    assert sent in response.body
    assert response.header("content-type") == "text/event-stream; charset=utf-8"


async def test_parallel_answers(rig: GatewayRig) -> None:
    """With n=2 the stream is complete when both are."""

    def piece(index: int, finish_reason: str | None = None, **delta: str) -> bytes:
        one = chat_chunk(delta, finish_reason=finish_reason)
        one["choices"][0]["index"] = index
        return chunk(sse(one))

    pieces = (piece(0, content="a"), piece(1, content="b"), piece(0, "stop"), piece(1, content="c"))
    rig.provider.script(streamed(*pieces, piece(1, "stop"), LAST_CHUNK), times=1)
    async with chat_stream(rig.url, "gpt", n=2) as answer:
        received = await answer.chunks()
    assert [c["choices"][0]["index"] for c in received[:-1]] == [0, 1, 0, 1, 1]
    assert received[-1] == DONE
    rig.provider.script(streamed(*pieces, LAST_CHUNK))
    async with chat_stream(rig.url, "gpt", n=2) as answer:
        assert (await answer.chunks())[-1]["error"]["code"] == "upstream_error"


# --- usage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [None, {"include_usage": False}, {"include_obfuscation": False}])
async def test_usage_is_asked_for_and_withheld(rig: GatewayRig, options: dict[str, bool] | None) -> None:
    more = {} if options is None else {"stream_options": options}
    rig.provider.script(streamed(ROLE, "text", finish(), USAGE, END))
    async with chat_stream(rig.url, "gpt", **more) as answer:
        received = await answer.chunks()
        line = await rig.line(answer.head.request_id)
    sent = (await rig.upstream_request()).json()["stream_options"]
    assert sent == {**(options or {}), "include_usage": True}
    assert "usage" not in answer.raw.decode()
    assert received[-1] == DONE
    assert (line["input_tokens"], line["output_tokens"]) == (11, 4)


async def test_usage_is_kept_for_a_client_that_asked(rig: GatewayRig) -> None:
    rig.provider.script(streamed(ROLE, "text", finish(), USAGE, END))
    asked = {"stream_options": {"include_usage": True}}
    async with chat_stream(rig.url, "gpt", **asked) as answer:
        received = await answer.chunks()
    assert received[-2]["usage"] == usage(11, 4)
    assert (await rig.upstream_request()).body == chat_body(model="gpt", stream=True, **asked)


async def test_usage_beside_the_last_content_is_kept(rig: GatewayRig) -> None:
    """Some vendors send it in the chunk with the finish reason, which the client needs."""
    last = chunk(sse(chat_chunk({"content": "!"}, finish_reason="stop", usage=usage(5, 2))))
    rig.provider.script(streamed(ROLE, "text", last, END))
    async with chat_stream(rig.url, "gpt") as answer:
        received = await answer.chunks()
        line = await rig.line(answer.head.request_id)
    assert text_of(received) == "text!"
    assert (line["input_tokens"], line["output_tokens"]) == (5, 2)


async def test_a_provider_that_does_not_take_the_option_is_not_asked(rig: GatewayRig) -> None:
    rig.provider.script(replies.chat_stream(["text"]), model="mute")
    async with chat_stream(rig.url, "mute") as answer:
        assert (await answer.chunks())[-1] == DONE
    assert (await rig.upstream_request()).body == chat_body(model="mute", stream=True)


async def test_a_plain_call_is_not_asked_for_usage(rig: GatewayRig) -> None:
    body = chat_body(model="gpt")
    _, upstream = await rig.answered(request(body))
    assert upstream.body == body


# --- the end ---------------------------------------------------------------------------------------------


async def test_a_forgotten_done_is_added(rig: GatewayRig) -> None:
    rig.provider.script(streamed(ROLE, "text", finish(), LAST_CHUNK))
    async with chat_stream(rig.url, "gpt") as answer:
        assert (await answer.rest())[-1] == DONE
        assert (await rig.line(answer.head.request_id))["finish"] == "complete"


@pytest.mark.parametrize("fault", [replies.Reset(), replies.Close()], ids=["reset", "closed"])
async def test_a_break_after_the_finish_reason_costs_nothing(
    rig: GatewayRig, fault: replies.Reset | replies.Close
) -> None:
    """The client has the whole answer: there is nothing to report to it."""
    seen = Gate()
    rig.provider.script(streamed(ROLE, "text", finish(), Wait(seen), fault))
    async with chat_stream(rig.url, "gpt") as answer:
        while '"stop"' not in (await answer.event() or ""):
            pass
        seen.open()
        assert await answer.rest() == [DONE]
        line = await rig.line(answer.head.request_id)
    assert (line["finish"], line.get("code", "")) == ("complete", "")


async def test_a_last_event_without_its_blank_line(rig: GatewayRig) -> None:
    rig.provider.script(streamed(ROLE, "text", finish(), chunk(b"data: [DONE]\n"), LAST_CHUNK))
    async with chat_stream(rig.url, "gpt") as answer:
        assert (await answer.rest()).count(DONE) == 1


async def test_nothing_is_relayed_after_done(rig: GatewayRig) -> None:
    rig.provider.script(streamed(ROLE, "text", finish(), chunk(DONE_EVENT + b"data: more\n\n"), LAST_CHUNK))
    async with chat_stream(rig.url, "gpt") as answer:
        assert (await answer.rest())[-1] == DONE


async def test_an_open_framing_does_not_delay_the_client(rig: GatewayRig) -> None:
    """The provider has said [DONE] and holds its last chunk back: the client's answer ends all the same,
    and when the framing ends soon, the connection serves on."""
    gate = Gate()
    rig.provider.script(streamed(ROLE, "text", finish(), chunk(DONE_EVENT), Wait(gate), LAST_CHUNK))
    async with raw_client(rig.url) as client:
        await client.send(request(chat_body(model="gpt", stream=True)))
        answer = await EventStream.of(client)
        assert (await answer.rest())[-1] == DONE
    # The client is gone by now, which says nothing: it has everything.
    gate.open()
    line = await rig.line(answer.head.request_id)
    assert (line["finish"], line.get("client", "")) == ("complete", "")
    rig.provider.script(replies.chat_stream(["again"]))
    async with chat_stream(rig.url, "gpt") as second:
        await second.rest()
    first_request, second_request = of(rig.provider, "gpt")
    assert second_request.connection is first_request.connection


async def test_a_framing_that_never_ends_costs_the_connection(rig: GatewayRig) -> None:
    rig.provider.script(streamed(ROLE, "text", finish(), chunk(DONE_EVENT), Stall()))
    async with chat_stream(rig.url, "gpt") as answer:
        assert (await answer.rest())[-1] == DONE
        line = await rig.line(answer.head.request_id)
        assert (line["finish"], line["attempts"][0]["result"]) == ("complete", "ok")
    await rig.upstream_closed(of(rig.provider, "gpt")[0].connection)


# --- timers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "reply", "kind"),
    [
        ("headers", replies.stall_before_headers(), "headers_timeout"),
        ("content", streamed(Stall()), "first_content_timeout"),
        (
            "content",
            streamed(*[step for _ in range(50) for step in (ROLE, Sleep(0.02))]),
            "first_content_timeout",
        ),
    ],
    ids=["headers", "first content", "first content, never silent"],
)
async def test_timers_before_content(rig: GatewayRig, model: str, reply: replies.Reply, kind: str) -> None:
    rig.provider.script(reply, model=model)
    response = await rig.exchange(request(chat_body(model=model, stream=True)))
    assert (response.status, error_code(response.body)) == (504, "upstream_timeout")
    line = await rig.line(response.request_id)
    assert [each["result"] for each in line["attempts"]] == [kind]
    assert 250 < line["attempts"][0]["ms"] < 1500
    await rig.upstream_closed(of(rig.provider, model)[0].connection)


async def test_the_timer_between_chunks(rig: GatewayRig) -> None:
    rig.provider.script(streamed(ROLE, "text", Stall()), model="silence")
    async with chat_stream(rig.url, "silence") as answer:
        received = await answer.chunks()
        line = await rig.line(answer.head.request_id)
    assert received[-1]["error"]["code"] == "upstream_timeout"
    assert [each["result"] for each in line["attempts"]] == ["between_chunks_timeout"]
    assert (line["finish"], line["code"]) == ("cut", "upstream_timeout")


async def test_the_timer_between_chunks_starts_anew_with_each(rig: GatewayRig) -> None:
    """Half a second in all is longer than the timer, and no silence is."""
    steps = [step for n in range(10) for step in (f"{n}", Sleep(0.05))]
    rig.provider.script(streamed(ROLE, *steps, finish(), END), model="silence")
    async with chat_stream(rig.url, "silence") as answer:
        assert text_of(await answer.chunks()) == "0123456789"


async def test_no_total_timeout_kills_a_healthy_stream(rig: GatewayRig) -> None:
    steps = [step for n in range(8) for step in (f"{n}", Sleep(0.1))]
    rig.provider.script(streamed(ROLE, *steps, finish(), END), model="total")
    async with chat_stream(rig.url, "total") as answer:
        assert text_of(await answer.chunks()) == "01234567"


@pytest.mark.parametrize(
    "reply",
    [
        replies.stall_before_headers(),
        replies.reply(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{", Stall()),
    ],
    ids=["before headers", "within the body"],
)
async def test_the_deadline_of_a_plain_call(rig: GatewayRig, reply: replies.Reply) -> None:
    rig.provider.script(reply, model="total")
    response = await rig.exchange(request(chat_body(model="total")))
    assert (response.status, error_code(response.body)) == (504, "upstream_timeout")
    line = await rig.line(response.request_id)
    assert [each["result"] for each in line["attempts"]] == ["deadline"]
    assert 350 < line["duration_ms"] < 1500


# --- the client --------------------------------------------------------------------------------------------


async def test_two_streams_on_one_client_connection(rig: GatewayRig) -> None:
    rig.provider.script(replies.chat_stream(["a", "b"]))
    async with raw_client(rig.url) as client:
        for _ in range(2):
            await client.send(request(chat_body(model="gpt", stream=True)))
            assert text_of(await (await EventStream.of(client)).chunks()) == "ab"


async def test_the_client_leaves_before_content(rig: GatewayRig) -> None:
    rig.provider.script(streamed(ROLE, Stall()))
    async with raw_client(rig.url) as client:
        await client.send(request(chat_body(model="gpt", stream=True)))
        upstream = await rig.upstream_request()
    await rig.upstream_closed(upstream.connection)
    line = await rig.gateway.log_line(
        client="disconnected", bytes_in=len(chat_body(model="gpt", stream=True))
    )
    assert line["finish"] == "cancelled"


async def test_the_events_of_a_plain_stream_of_completions(rig: GatewayRig) -> None:
    """`/v1/completions` has `text` in place of deltas; the same rules hold."""

    def piece(text: str, finish_reason: str | None = None) -> bytes:
        return chunk(
            sse(
                {
                    "id": "cmpl-1",
                    "object": "text_completion",
                    "created": 1,
                    "model": "gpt",
                    "choices": [{"index": 0, "text": text, "logprobs": None, "finish_reason": finish_reason}],
                }
            )
        )

    gate = Gate()
    rig.provider.script(streamed(piece(""), Wait(gate), piece("text"), piece("", "stop"), USAGE, END))
    async with raw_client(rig.url) as client:
        body = b'{"model":"gpt","prompt":"Hi","stream":true}'
        await client.send(request(body, path="/v1/completions"))
        await rig.upstream_request()
        await nothing_comes(client)
        gate.open()
        received = await (await EventStream.of(client)).chunks()
    assert "".join(c["choices"][0]["text"] for c in received[:-1]) == "text"
    assert received[-1] == DONE
