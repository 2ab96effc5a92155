"""InvokeModel with Claude's bodies, read by anthropic-python's own decoder; and other models' passed on."""

import base64
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from anthropic.lib.bedrock._stream_decoder import AWSEventStreamDecoder
from anthropic.types import RawMessageStreamEvent
from botocore.exceptions import EventStreamError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.support.answers import merged_deltas, replies, streams, usages
from tests.support.bedrock_schema import parsed_error, parsed_stream
from tests.support.conversations import Feature, Says
from tests.support.wire_targets import asked, target

from fastgate.domain.conversation import Conversation, Foreign, Message, Role, Text, Thinking
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    Reply,
    Sealed,
    TextDelta,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.converse.frames import exception_frame, frame
from fastgate.wire.interface import Losses, Problem, Summary
from fastgate.wire.invoke import CLIENT, PROVIDER
from fastgate.wire.messages import CLIENT as messages_client

_OPERATION = "InvokeModelWithResponseStream"
_ANSWERS = Says(Format.INVOKE, {Feature.TOOLS, Feature.THINKING, Feature.REDACTED})
_USAGES = usages(("cached_input_tokens", "cache_write_tokens", "reasoning_tokens"))
_FINISHES = (Finish.STOP, Finish.LENGTH, Finish.TOOL_USE)
_NOBODY = Conversation(format=Format.INVOKE, messages=(Message(role=Role.USER, parts=()),))
_EVENTS: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)


def chunk(event: Any) -> bytes:
    data = event if isinstance(event, bytes) else msgspec.json.encode(event)
    return frame("chunk", msgspec.json.encode({"bytes": data, "p": "abc"}))


def read(stream: Sequence[bytes]) -> list[Delta]:
    splitter, reader = PROVIDER.splitter(1 << 20), PROVIDER.stream_reader()
    found: list[Delta] = []
    for data in stream:
        splitter.feed(data)
        for event, _ in splitter.events():
            found += reader.read(event)
    return found


def problem(status: int) -> Problem:
    return Problem(status, "why", "upstream_error", "upstream_error", None, "req-1")


def test_a_request_is_read() -> None:
    body = {
        "anthropic_version": "bedrock-2023-05-31",
        "anthropic_beta": ["b"],
        "max_tokens": 9,
        "system": "S",
        "messages": [
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}]},
            {"role": "user", "content": "Hi"},
        ],
        "tools": [{"type": "bash_20250124", "name": "bash"}],
    }
    request = CLIENT.read_request(msgspec.json.encode(body), "anthropic.claude")
    assert request.format is Format.INVOKE
    assert request.max_output_tokens == 9
    assert request.extra == {"anthropic_beta": msgspec.Raw(b'["b"]')}
    assert request.messages[1].parts == (Thinking(text="hm", signature="s", format=Format.INVOKE),)
    assert isinstance(request.tools[0], Foreign)


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_written(stream: bool) -> None:
    request = Conversation(format=Format.CHAT, messages=(Message(role=Role.USER, parts=(Text(text="Hi"),)),))
    body = PROVIDER.write_request(request, target("anthropic.claude-sonnet-4-5", stream=stream), Losses())
    assert msgspec.json.decode(msgspec.json.encode(body)) == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": "Hi"}],
    }


def test_what_was_written_for_anthropic_goes_to_its_other_host_as_it_is() -> None:
    foreign = {"type": "thinking", "thinking": "", "signature": "fastgate.generate_content.ahead.x"}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "Hi", "new": 1}, {"type": "new_block"}]},
        {"role": "assistant", "content": [foreign, {"type": "text", "text": "a"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}}
            ],
        },
        {"role": "user", "content": []},
    ]
    tools = [{"name": "f", "input_schema": {"type": "object"}, "allowed_callers": ["direct"]}]
    body = {"model": "m", "max_tokens": 9, "system": "S", "messages": messages, "tools": tools}
    request = messages_client.read_request(msgspec.json.encode(body), None)
    losses = Losses()
    written = PROVIDER.write_request(request, target("anthropic.claude-sonnet-4-5"), losses)
    messages[1] = {"role": "assistant", "content": "a"}
    assert msgspec.json.decode(msgspec.json.encode(written)) == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "system": "S",
        "messages": messages,
        "tools": tools,
    }
    assert losses.names == []


@given(streams(replies(_ANSWERS, finishes=_FINISHES, usage=_USAGES)), st.data())
def test_streams(deltas: list[Delta], data: st.DataObject) -> None:
    """Written, satisfying the types of anthropic-python, and read again, cut at any place."""
    writer = CLIENT.stream_writer(asked(_NOBODY))
    stream = b"".join(writer.write([delta]) for delta in deltas) + writer.end()
    for event in AWSEventStreamDecoder().iter_bytes(iter([stream])):
        assert _EVENTS.validate_json(event.data).type == event.event
    cut = data.draw(st.integers(0, len(stream)))
    found = read((stream[:cut], stream[cut:]))
    assert isinstance(found[-1], Closed)
    kept = [delta for delta in found[1:-1] if not isinstance(delta, Ended | Used)]
    said = [delta for delta in deltas[1:-1] if not isinstance(delta, Ended | Used)]
    assert merged_deltas(kept) == merged_deltas(said)


@given(replies(_ANSWERS, finishes=_FINISHES, usage=_USAGES.filter(bool)))
def test_answers(reply: Reply) -> None:
    body = CLIENT.write_answer(reply, asked(_NOBODY), Losses())
    read_one = PROVIDER.read_answer(body)
    assert read_one.choices == reply.choices
    assert PROVIDER.summary(body) == Summary(read_one.usage, reply.id)


def test_sealed_thinking_is_this_formats() -> None:
    signature = {"type": "signature_delta", "signature": "s"}
    block = {"type": "thinking", "thinking": "", "signature": ""}
    frames = (
        chunk({"type": "content_block_start", "index": 0, "content_block": block}),
        chunk({"type": "content_block_delta", "index": 0, "delta": signature}),
    )
    assert read(frames) == [Sealed(format=Format.INVOKE, signature="s")]


def test_the_order_of_members_and_white_space_are_free() -> None:
    start = chunk({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    odd = chunk(
        b'{ "index": 0, "delta": {"text": "a", "type": "text_delta"}, "type": "content_block_delta" }'
    )
    assert read((start, odd)) == [TextDelta("a")]


def test_other_models_are_content_and_their_metrics_count() -> None:
    reader = PROVIDER.stream_reader()
    first = reader.read(chunk({"generation": "Hel"}))
    assert [type(delta) for delta in first] == [ForeignDelta]
    metrics = {"inputTokenCount": 3, "outputTokenCount": 4, "invocationLatency": 9}
    last = reader.read(chunk({"generation": "lo", "amazon-bedrock-invocationMetrics": metrics}))
    assert last[1:] == (Used(Usage(input_tokens=3, output_tokens=4)),)
    assert reader.complete()


@pytest.mark.parametrize(
    "event",
    [
        {"generation": "Hello", "prompt_token_count": None},
        {"outputs": [{"text": "Hello", "stop_reason": None}]},
        {"outputText": "Hello", "index": 0},
        {"contentBlockDelta": {"delta": {"text": "Hello"}, "contentBlockIndex": 0}},
        {"choices": [{"delta": {"role": "assistant", "content": "Hello"}, "index": 0}]},
    ],
)
def test_what_other_models_wrote_can_be_counted(event: Any) -> None:
    """Their metrics come at the very end, which a client need not wait for."""
    (delta,) = PROVIDER.stream_reader().read(chunk(event))
    assert isinstance(delta, ForeignDelta)
    assert delta.text == "Hello"


@pytest.mark.parametrize("count", [b"-1", b"1e999", b"9" * 30])
def test_metrics_that_are_none(count: bytes) -> None:
    event = b'{"amazon-bedrock-invocationMetrics":{"inputTokenCount":%b}}' % count
    (delta,) = PROVIDER.stream_reader().read(chunk(event))
    assert isinstance(delta, Failed)


@pytest.mark.parametrize(
    "answer",
    [
        b'{"generation":"a","prompt_token_count":1,"usage":{"input_tokens":1}}',
        b'{"output":{},"usage":{"inputTokens":1,"outputTokens":2}}',
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_other_models_answers_have_no_summary(answer: bytes) -> None:
    assert PROVIDER.summary(answer) == Summary(None, None)


def test_an_error_in_a_whole_answer() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"m"}}'
    assert PROVIDER.summary(body).failed == 529
    assert PROVIDER.summary(b'{"message":"oh"}') == Summary(None, None, 500, "oh")
    assert PROVIDER.summary(b'{"message":"oh","generation":"a"}') == Summary(None, None)


@pytest.mark.parametrize(
    "broken",
    [
        frame("chunk", b"{"),
        frame("chunk", b'{"bytes":7}'),
        frame("chunk", b'{"bytes":"a"}'),
        frame("chunk", b'{"bytes":"\xc3\xa4"}'),
        chunk(b"{"),
        chunk(b"\xff"),
        chunk(b"[" * 100_000),
        chunk({"type": "content_block_delta", "index": 4, "delta": {"type": "text_delta", "text": "a"}}),
    ],
)
def test_malformed_events(broken: bytes) -> None:
    (failed,) = PROVIDER.stream_reader().read(broken)
    assert isinstance(failed, Failed)
    assert failed.status == 502


def test_unknown_events_are_passed_over() -> None:
    assert read((chunk({"type": "new_event"}), chunk({"type": "ping"}))) == []
    assert PROVIDER.stream_reader().read(frame("newFrame", b"{}")) == ()


@pytest.mark.parametrize(("name", "status"), [("throttlingException", 429), ("modelTimeoutException", 408)])
def test_exceptions(name: str, status: int) -> None:
    assert read((exception_frame(name, b'{"message":"why"}'),)) == [Failed(status, "why")]


@pytest.mark.parametrize("by_delta", [False, True])
def test_failures(by_delta: bool) -> None:
    writer = CLIENT.stream_writer(asked(_NOBODY))
    stream = writer.write([TextDelta("a")])
    if by_delta:
        stream += writer.write([TextDelta("b"), Failed(429, "why"), TextDelta("c")])
    else:
        stream += writer.failure(problem(429))
    with pytest.raises(EventStreamError) as raised:
        parsed_stream(stream, _OPERATION)
    assert raised.value.response["Error"] == {"Code": "throttlingException", "Message": "why"}
    assert writer.write([TextDelta("d")]) == writer.end() == writer.failure(problem(500)) == b""
    events = list(_events(stream))
    assert [event for event in events if event.get("type") == "content_block_delta"] == [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in ("ab" if by_delta else "a")
    ]


def _events(stream: bytes) -> Iterator[dict[str, Any]]:
    splitter = PROVIDER.splitter(1 << 20)
    splitter.feed(stream)
    for event, _ in splitter.events():
        start = event.find(b'{"bytes":"')
        if start >= 0:
            yield msgspec.json.decode(base64.b64decode(event[start + 10 : event.index(b'"}', start)]))


def test_errors_are_bedrocks() -> None:
    headers, body = CLIENT.write_problem(problem(429))
    said = {name.decode(): value.decode() for name, value in headers}
    assert parsed_error(429, said, body) == {"Message": "why", "Code": "ThrottlingException"}


def test_text_to_count() -> None:
    assert CLIENT.text(b'{"messages":[{"role":"user","content":"Hi"}]}') == "Hi"
