"""Streams for clients, as Anthropic's SDK takes them in strict mode."""

from typing import Any

import msgspec
import pytest
from anthropic import APIStatusError
from anthropic.types import MessageDeltaUsage, ToolUseBlock
from hypothesis import given
from hypothesis import strategies as st
from tests.support.messages_requests import chat, raw
from tests.support.messages_schema import events_by_sdk, message_by_sdk
from tests.support.wire_targets import asked

from fastgate._core.sse import EventSplitter, event_data, event_name
from fastgate.domain.conversation import Citation
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    RefusalDelta,
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.interface import Problem
from fastgate.wire.messages import CLIENT

PROBLEM = Problem(502, "It broke.", type="upstream_error", code="x", param=None, request_id="r-1")


def tool(index: int, name: str = "f") -> ToolStarted:
    return ToolStarted(index=index, id=f"t{index}", name=name)


def stream_of(*deltas: Delta) -> bytes:
    writer = CLIENT.stream_writer(asked(chat()))
    return writer.write(deltas) + writer.end()


def events_of(stream: bytes) -> list[dict[str, Any]]:
    """Every event has its name twice."""
    splitter = EventSplitter((), 1 << 20)
    splitter.feed(stream)
    out = []
    for event, _ in splitter.events():
        data = msgspec.json.decode(event_data(event))
        assert event_name(event).decode() == data["type"]
        out.append(data)
    assert splitter.take_tail() == b""
    return out


def check(stream: bytes) -> None:
    """The SDK takes each event, and each block is begun, filled and ended."""
    events_by_sdk(stream)
    events = events_of(stream)
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    assert events[0]["type"] == "message_start"
    opened: set[int] = set()
    count = 0
    for event in events[1:-2]:
        if event["type"] == "content_block_start":
            assert event["index"] == count
            opened.add(count)
            count += 1
        elif event["type"] == "content_block_delta":
            assert event["index"] in opened
        else:
            assert event["type"] == "content_block_stop"
            opened.remove(event["index"])
    assert not opened


def blocks_of(stream: bytes) -> list[dict[str, Any]]:
    """What the SDK has put together."""
    check(stream)
    return [block.model_dump(exclude_none=True) for block in message_by_sdk(stream).content]


def test_a_stream() -> None:
    stream = stream_of(
        Started("msg_1", "m", Usage(input_tokens=9)),
        TextDelta("Hel"),
        TextDelta("lo"),
        tool(0),
        ToolDelta(0, '{"a":'),
        ToolDelta(0, "1}"),
        Ended(Finish.TOOL_USE),
        Used(Usage(input_tokens=9, output_tokens=4, reasoning_tokens=1, web_searches=2)),
        Closed(),
    )
    assert [event["type"] for event in events_of(stream)] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    message = message_by_sdk(stream)
    assert (message.id, message.model, message.stop_reason) == ("msg_1", "m", "tool_use")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (9, 4)
    assert message.usage.server_tool_use is not None
    assert [block.to_dict()["type"] for block in message.content] == ["text", "tool_use"]
    assert isinstance(message.content[1], ToolUseBlock)
    assert message.content[1].input == {"a": 1}
    ended = events_of(stream)[-2]
    assert MessageDeltaUsage.model_fields.keys() <= ended["usage"].keys()


def test_a_stream_that_does_not_say_who_answers() -> None:
    message = message_by_sdk(stream_of(TextDelta("x")))
    assert (message.id, message.model, message.stop_reason) == ("fallback-id", "asked-model", "end_turn")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (0, 0)


def test_a_stream_without_content() -> None:
    assert blocks_of(stream_of(Started("a", "m"), Ended(Finish.LENGTH), Closed())) == []


def test_the_end_waits_for_the_usage_and_comes_once() -> None:
    writer = CLIENT.stream_writer(asked(chat()))
    begun = writer.write(
        [Started("a", "m"), TextDelta("x"), Ended(Finish.STOP_SEQUENCE, stop_sequence="END")]
    )
    assert b"message_delta" not in begun
    assert writer.write([Used(Usage(output_tokens=3))]) == b""
    ended = writer.end()
    assert writer.end() == writer.write([TextDelta("y"), Closed()]) == writer.failure(PROBLEM) == b""
    delta = events_of(ended)[-2]
    assert delta["delta"]["stop_sequence"] == "END"
    assert delta["usage"]["output_tokens"] == 3


def test_thinking_and_its_seals() -> None:
    stream = stream_of(
        ThinkingDelta("h"),
        ThinkingDelta("m"),
        Sealed(format=Format.MESSAGES, signature="s"),
        Sealed(format=Format.INVOKE, signature="only a seal"),
        Sealed(format=Format.MESSAGES, redacted="d"),
        ThinkingDelta("Gemini's"),
        Sealed(format=Format.GENERATE_CONTENT, signature="g"),
        Sealed(format=Format.GENERATE_CONTENT, signature="for the text"),
        TextDelta("x"),
        ToolStarted(index=0, id="t0", name="f", signature="for the call"),
    )
    assert blocks_of(stream) == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "thinking", "thinking": "", "signature": "only a seal"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "thinking", "thinking": "Gemini's", "signature": "fastgate.generate_content.here.g"},
        {"type": "thinking", "thinking": "", "signature": "fastgate.generate_content.ahead.for the text"},
        {"type": "text", "text": "x"},
        {"type": "thinking", "thinking": "", "signature": "fastgate.generate_content.ahead.for the call"},
        {"type": "tool_use", "id": "t0", "name": "f", "input": {}, "caller": {"type": "direct"}},
    ]


def test_parallel_calls_one_after_the_other() -> None:
    stream = stream_of(tool(0), ToolDelta(0, "{}"), tool(1, "g"), ToolDelta(1, '{"a":1}'))
    kinds = [(event["type"], event.get("index")) for event in events_of(stream)[1:-2]]
    assert kinds == [
        ("content_block_start", 0),
        ("content_block_delta", 0),
        ("content_block_stop", 0),
        ("content_block_start", 1),
        ("content_block_delta", 1),
        ("content_block_stop", 1),
    ]


def test_calls_that_are_mixed_with_each_other_and_with_text() -> None:
    stream = stream_of(
        tool(0),
        ToolDelta(0, '{"a":'),
        tool(1),
        ToolDelta(1, '{"b":'),
        TextDelta("x"),
        ToolDelta(0, "1}"),
        ToolDelta(1, "2}"),
        TextDelta("y"),
    )
    blocks = blocks_of(stream)
    assert [block["input"] for block in blocks[:2]] == [{"a": 1}, {"b": 2}]
    assert blocks[2:] == [{"type": "text", "text": "xy"}]


def test_a_refusal() -> None:
    stream = stream_of(RefusalDelta("I "), RefusalDelta("won't."), Ended(Finish.STOP), Closed())
    assert blocks_of(stream) == [{"type": "text", "text": "I won't."}]
    assert message_by_sdk(stream).stop_reason == "refusal"


def test_citations() -> None:
    own = {"type": "search_result_location", "cited_text": "C", "search_result_index": 0, "source": "S"}
    own |= {"start_block_index": 0, "end_block_index": 1, "title": None}
    stream = stream_of(
        TextDelta("x"),
        Cited(Citation(format=Format.MESSAGES, raw=raw(own))),
        Cited(Citation(format=Format.CHAT, url="https://a.example", quoted="Q")),
        Cited(Citation(format=Format.CONVERSE, quoted="Q")),
    )
    (block,) = blocks_of(stream)
    assert [each["type"] for each in block["citations"]] == [
        "search_result_location",
        "web_search_result_location",
    ]


def test_foreign_blocks() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    stream = stream_of(
        TextDelta("x"),
        ForeignDelta(format=Format.INVOKE, kind="server_tool_use", raw=raw(block)),
        ForeignDelta(format=Format.RESPONSES, kind="item", raw=raw({"type": "item"})),
        TextDelta("y"),
    )
    assert blocks_of(stream) == [{"type": "text", "text": "x"}, block, {"type": "text", "text": "y"}]


def test_other_choices_are_left_out() -> None:
    stream = stream_of(
        TextDelta("x"),
        TextDelta("no", 1),
        ThinkingDelta("no", 1),
        Ended(Finish.LENGTH),
        Ended(Finish.STOP, 1),
    )
    assert blocks_of(stream) == [{"type": "text", "text": "x"}]
    assert message_by_sdk(stream).stop_reason == "max_tokens"


def test_a_failure_of_the_gateway() -> None:
    writer = CLIENT.stream_writer(asked(chat()))
    stream = writer.write([Started("a", "m"), TextDelta("x")]) + writer.failure(PROBLEM)
    assert events_of(stream)[-1] == {
        "type": "error",
        "error": {"type": "api_error", "message": "It broke."},
        "request_id": "r-1",
    }
    with pytest.raises(APIStatusError, match="It broke"):
        events_by_sdk(stream)
    assert writer.end() == writer.failure(PROBLEM) == b""


def test_a_failure_that_the_provider_tells() -> None:
    writer = CLIENT.stream_writer(asked(chat()))
    stream = writer.write([TextDelta("x"), Failed(529, "Overloaded"), TextDelta("y"), Closed()])
    assert events_of(stream)[-1]["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert writer.failure(PROBLEM) == b""


_ANY: st.SearchStrategy[Delta] = st.one_of(
    st.builds(Started, st.just("a"), st.just("m")),
    st.builds(TextDelta, st.text(max_size=3)),
    st.builds(ThinkingDelta, st.text(max_size=3)),
    st.builds(RefusalDelta, st.text(max_size=3)),
    st.builds(Sealed, format=st.sampled_from((Format.MESSAGES, Format.CHAT)), signature=st.just("s")),
    st.builds(Sealed, format=st.just(Format.RESPONSES), redacted=st.just("d")),
    st.builds(tool, st.integers(0, 2)),
    st.builds(ToolDelta, st.integers(0, 2), st.sampled_from(("{", "}", ""))),
    st.just(Cited(Citation(url="https://a.example"))),
    st.builds(Ended, st.sampled_from(Finish)),
    st.builds(Used, st.just(Usage(input_tokens=1))),
)


@given(st.lists(_ANY, max_size=12))
def test_every_order_of_deltas_is_a_valid_stream(deltas: list[Delta]) -> None:
    seen: set[int] = set()
    unique = []
    for each in deltas:
        if isinstance(each, ToolStarted):
            if each.index in seen:
                continue
            seen.add(each.index)
        unique.append(each)
    check(stream_of(*unique, Closed()))
