"""Streams, as OpenAI's SDK takes them in strict mode, and Open Responses, too."""

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import ResponseFailedEvent
from tests.support.responses_schema import events_by_sdk, response_by_sdk
from tests.support.wire_targets import asked

from fastgate._core.sse import EventSplitter, event_data, event_name
from fastgate.domain.conversation import Citation, Conversation
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
from fastgate.wire.interface import Problem, raw
from fastgate.wire.responses import CLIENT

PROBLEM = Problem(502, "It broke.", type="upstream_error", code="x", param=None, request_id="r-1")
REQUEST: Conversation = CLIENT.read_request(b'{"model":"m","input":"hi","instructions":"Be kind."}', None)


def tool(index: int, name: str = "f") -> ToolStarted:
    return ToolStarted(index=index, id=f"t{index}", name=name)


def stream_of(*deltas: Delta) -> bytes:
    writer = CLIENT.stream_writer(asked(REQUEST))
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


def kinds_of(stream: bytes) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events_of(stream)]


def check(stream: bytes) -> dict[str, Any]:
    """The SDK takes each event; each item and part is begun, filled and ended, and its deltas are all of it.
    Returns the response."""
    events_by_sdk(stream)
    events = events_of(stream)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    begun: dict[int, Any] = {}
    done: dict[int, Any] = {}
    said: Counter[tuple[int, int]] = Counter()
    texts: dict[tuple[int, int], str] = {}
    for event in events[2:-1]:
        index = event["output_index"]
        kind = event["type"].removeprefix("response.")
        place = (index, event.get("content_index", event.get("summary_index", -1)))
        if kind == "output_item.added":
            assert index == len(begun)
            begun[index] = event["item"]
            continue
        assert begun[index]["id"] == event.get("item_id", begun[index]["id"])
        assert index not in done
        if kind == "output_item.done":
            done[index] = event["item"]
        elif kind.endswith(".delta"):
            texts[place] = texts.get(place, "") + event["delta"]
        elif kind.endswith("part.added"):
            said[place] += 1
        elif kind.endswith("part.done"):
            said[place] -= 1
        elif kind.endswith(".done"):
            whole = next(event[name] for name in ("text", "refusal", "arguments", "input") if name in event)
            assert texts.get(place, "") == whole
    assert not any(said.values())
    response: dict[str, Any] = events[-1]["response"]
    assert [done[index] for index in sorted(begun)] == response["output"]
    assert {event["response"]["id"] for event in (*events[:2], events[-1])} == {response["id"]}
    return response


def output_of(stream: bytes) -> list[dict[str, Any]]:
    return [{**item, "id": None} for item in check(stream)["output"]]


def test_a_stream() -> None:
    stream = stream_of(
        Started("msg_1", "m-1", Usage(input_tokens=9)),
        ThinkingDelta("h"),
        ThinkingDelta("m"),
        TextDelta("Hel"),
        TextDelta("lo"),
        tool(0),
        ToolDelta(0, '{"a":'),
        ToolDelta(0, "1}"),
        Ended(Finish.TOOL_USE),
        Used(Usage(input_tokens=9, output_tokens=4, reasoning_tokens=1, service_tier="priority")),
        Closed(),
    )
    assert kinds_of(stream) == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    check(stream)
    response = response_by_sdk(stream)
    assert (response.model, response.status, response.output_text) == ("m-1", "completed", "Hello")
    assert (response.instructions, response.service_tier) == ("Be kind.", "priority")
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.total_tokens) == (9, 13)
    assert [item.type for item in response.output] == ["reasoning", "message", "function_call"]


def test_a_stream_that_does_not_say_who_answers() -> None:
    response = check(stream_of(TextDelta("x")))
    assert (response["model"], response["status"], response["usage"]) == ("asked-model", "completed", None)


def test_a_stream_without_content() -> None:
    response = check(stream_of(Started("a", "m"), Ended(Finish.LENGTH), Closed()))
    assert (response["status"], response["output"]) == ("incomplete", [])


def test_the_end_waits_for_the_usage_and_comes_once() -> None:
    writer = CLIENT.stream_writer(asked(REQUEST))
    begun = writer.write([Started("a", "m"), TextDelta("x"), Ended(Finish.LENGTH)])
    assert b"output_item.done" not in begun
    assert writer.write([Used(Usage(output_tokens=3))]) == b""
    ended = writer.end()
    assert writer.end() == writer.write([TextDelta("y"), Closed()]) == writer.failure(PROBLEM) == b""
    response = check(begun + ended)
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"
    assert response["usage"]["output_tokens"] == 3


def test_thinking_and_its_seals() -> None:
    items = output_of(
        stream_of(
            ThinkingDelta("hm"),
            Sealed(format=Format.MESSAGES, signature="s"),
            Sealed(format=Format.INVOKE, signature="only a seal"),
            Sealed(format=Format.MESSAGES, redacted="d"),
            ThinkingDelta("Gemini's"),
            Sealed(format=Format.GENERATE_CONTENT, signature="g"),
            Sealed(format=Format.GENERATE_CONTENT, signature="for the text"),
            TextDelta("x"),
            ThinkingDelta("more"),
            ToolStarted(index=0, id="t0", name="f", signature="for the call"),
        )
    )
    seals = [
        (item["encrypted_content"], "".join(part["text"] for part in item["summary"]))
        for item in items
        if item["type"] == "reasoning"
    ]
    assert seals == [
        ("fastgate.messages.here.s", "hm"),
        ("fastgate.invoke.here.only a seal", ""),
        ("fastgate.messages.redacted.d", ""),
        ("fastgate.generate_content.here.g", "Gemini's"),
        ("fastgate.generate_content.ahead.for the text", ""),
        (None, "more"),
        ("fastgate.generate_content.ahead.for the call", ""),
    ]
    assert [item["type"] for item in items[5:]] == ["message", "reasoning", "reasoning", "function_call"]


def test_parallel_calls_one_after_the_other() -> None:
    stream = stream_of(tool(0), ToolDelta(0, "{}"), tool(1, "g"), ToolDelta(1, '{"a":1}'))
    events = [(event["type"], event.get("output_index")) for event in events_of(stream)[2:-1]]
    assert [index for _, index in events] == [0, 0, 0, 0, 1, 1, 1, 1]


def test_calls_that_are_mixed_with_each_other_and_with_text() -> None:
    items = output_of(
        stream_of(
            tool(0),
            ToolDelta(0, '{"a":'),
            tool(1),
            ToolDelta(1, '{"b":'),
            TextDelta("x"),
            ToolDelta(0, "1}"),
            ToolDelta(1, "2}"),
            TextDelta("y"),
        )
    )
    assert [item.get("arguments") for item in items] == ['{"a":1}', '{"b":2}', None]
    assert items[2]["content"][0]["text"] == "xy"


def test_a_call_without_arguments() -> None:
    (item,) = output_of(stream_of(tool(0), Ended(Finish.TOOL_USE)))
    assert item["arguments"] == "{}"


def test_a_custom_call() -> None:
    stream = stream_of(
        ToolStarted(index=0, id="t0", name="g", custom=True), ToolDelta(0, "fr"), ToolDelta(0, "ee")
    )
    assert kinds_of(stream)[2:-1] == [
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
    ]
    (item,) = output_of(stream)
    assert (item["input"], item["name"], item["call_id"]) == ("free", "g", "t0")


def test_a_refusal() -> None:
    stream = stream_of(RefusalDelta("I "), RefusalDelta("won't."), Ended(Finish.REFUSED), Closed())
    response = check(stream)
    assert response["status"] == "completed"
    assert response["output"][0]["content"] == [{"type": "refusal", "refusal": "I won't."}]


def test_a_refusal_behind_text_is_a_part_of_its_own() -> None:
    (item,) = output_of(stream_of(TextDelta("x"), RefusalDelta("no"), TextDelta("y")))
    assert [part["type"] for part in item["content"]] == ["output_text", "refusal", "output_text"]


def test_citations() -> None:
    stream = stream_of(
        TextDelta("abc"),
        tool(0),
        TextDelta("defg"),
        Cited(Citation(url="https://a.example", title="T", start=4, end=6)),
        Cited(Citation(url="https://b.example")),
        Cited(Citation(quoted="Q")),
    )
    annotations = output_of(stream)[2]["content"][0]["annotations"]
    assert [(each["start_index"], each["end_index"]) for each in annotations] == [(1, 3), (4, 4)]
    added = [event for event in events_of(stream) if event["type"].endswith("annotation.added")]
    assert [event["annotation"] for event in added] == annotations
    assert [event["annotation_index"] for event in added] == [0, 1]


def test_logprobs() -> None:
    def told(token: str) -> msgspec.Raw:
        return raw({"content": [{"token": token, "logprob": -1.0, "bytes": None, "top_logprobs": []}]})

    stream = stream_of(TextDelta("a", 0, told("a")), TextDelta("b", 0, told("b")))
    deltas = [event["logprobs"] for event in events_of(stream) if event["type"].endswith("text.delta")]
    assert [[each["token"] for each in delta] for delta in deltas] == [["a"], ["b"]]
    (item,) = output_of(stream)
    assert [each["token"] for each in item["content"][0]["logprobs"]] == ["a", "b"]


def test_what_other_choices_and_formats_say_is_left_out() -> None:
    stream = stream_of(
        TextDelta("x"),
        TextDelta("no", 1),
        ForeignDelta(format=Format.MESSAGES, kind="server_tool_use", raw=raw({})),
        Ended(Finish.STOP),
        Ended(Finish.LENGTH, 1),
    )
    response = check(stream)
    assert (response["status"], len(response["output"])) == ("completed", 1)


def test_a_failure_of_the_gateway() -> None:
    writer = CLIENT.stream_writer(asked(REQUEST))
    stream = writer.write([Started("a", "m"), ThinkingDelta("hm"), TextDelta("x")])
    stream += writer.failure(PROBLEM)
    assert writer.end() == writer.failure(PROBLEM) == writer.write([TextDelta("y")]) == b""
    failed = events_by_sdk(stream)[-1]
    assert isinstance(failed, ResponseFailedEvent)
    assert failed.response.status == "failed"
    assert failed.response.error is not None
    assert (failed.response.error.code, failed.response.error.message) == ("server_error", "It broke.")
    assert failed.sequence_number == len(events_of(stream)) - 1
    output = events_of(stream)[-1]["response"]["output"]
    assert [item.get("status") for item in output] == [None, "incomplete"]
    assert output[1]["content"][0]["text"] == "x"


@pytest.mark.parametrize(("status", "code"), [(529, "server_error"), (429, "rate_limit_exceeded")])
def test_a_failure_that_the_provider_tells(status: int, code: str) -> None:
    writer = CLIENT.stream_writer(asked(REQUEST))
    stream = writer.write([Failed(status, "Overloaded"), TextDelta("y"), Closed()])
    assert kinds_of(stream) == ["created", "in_progress", "failed"]
    assert events_of(stream)[-1]["response"]["error"] == {"code": code, "message": "Overloaded"}
    assert writer.failure(PROBLEM) == b""


_ANY: st.SearchStrategy[Delta] = st.one_of(
    st.builds(Started, st.just("a"), st.just("m")),
    st.builds(TextDelta, st.text(max_size=3)),
    st.builds(ThinkingDelta, st.text(max_size=3)),
    st.builds(RefusalDelta, st.text(max_size=3)),
    st.builds(Sealed, format=st.sampled_from((Format.MESSAGES, Format.CHAT)), signature=st.just("s")),
    st.builds(Sealed, format=st.just(Format.RESPONSES), redacted=st.just("d")),
    st.builds(tool, st.integers(0, 2)),
    st.builds(ToolStarted, index=st.integers(0, 2), id=st.just("t"), name=st.just("g"), custom=st.just(True)),
    st.builds(ToolDelta, st.integers(0, 2), st.sampled_from(("{", "}", ""))),
    st.just(Cited(Citation(url="https://a.example"))),
    st.builds(Ended, st.sampled_from(Finish)),
    st.builds(Used, st.just(Usage(input_tokens=1))),
)


@given(st.lists(_ANY, max_size=12))
def test_every_order_of_deltas_is_a_valid_stream(deltas: list[Delta]) -> None:
    check(stream_of(*deltas, Closed()))
