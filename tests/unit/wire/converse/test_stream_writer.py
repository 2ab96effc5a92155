"""Streams for clients, as boto3 reads them: every event satisfies the service model (`parsed_stream`)."""

from typing import Any

import msgspec
import pytest
from botocore.exceptions import EventStreamError
from hypothesis import given
from hypothesis import strategies as st
from tests.support.bedrock_schema import parsed_stream
from tests.support.wire_targets import asked

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
from fastgate.wire.converse import CLIENT, PROVIDER
from fastgate.wire.converse.frames import frame
from fastgate.wire.interface import Problem, StreamWriter

_ASKED = asked(Conversation(format=Format.CONVERSE, messages=()))


def problem(status: int) -> Problem:
    return Problem(status, "why", "upstream_error", "upstream_error", None, "req-1")


def written(*deltas: Delta, writer: StreamWriter | None = None) -> list[dict[str, Any]]:
    writer = writer or CLIENT.stream_writer(_ASKED)
    return parsed_stream(b"".join(writer.write([delta]) for delta in deltas) + writer.end())


def blocks(events: list[dict[str, Any]]) -> list[Any]:
    """What a client that keeps one block at a time makes of a stream; it fails where two are open."""
    found: list[Any] = []
    open_: int | None = None
    for event in events:
        ((name, said),) = event.items()
        index = said.get("contentBlockIndex")
        if name == "contentBlockStart":
            assert open_ is None
            open_ = index
            found.append([said["start"]["toolUse"]["toolUseId"], ""])
        elif name == "contentBlockDelta":
            if open_ is None:
                open_ = index
                found.append(["", ""])
            assert index == open_ == len(found) - 1
            found[-1][0] = found[-1][0] or next(iter(said["delta"]))
            found[-1][1] += _text(said["delta"])
        elif name == "contentBlockStop":
            assert index == open_
            open_ = None
    assert open_ is None
    return [tuple(block) for block in found]


def _text(delta: dict[str, Any]) -> str:
    ((kind, value),) = delta.items()
    if kind == "toolUse":
        return str(value["input"])
    if kind == "reasoningContent":
        return str(value.get("text", "") or next(iter(value)))
    return str(value) if kind == "text" else kind


def test_a_whole_stream() -> None:
    usage = Usage(
        input_tokens=40,
        output_tokens=5,
        cached_input_tokens=20,
        cache_write_tokens=10,
        cache_write_1h_tokens=4,
        service_tier="flex",
    )
    events = written(
        Started("id", "model"),
        TextDelta("Hel"),
        TextDelta(""),
        TextDelta('lo "\u00fc'),
        ToolStarted(index=0, id="t1", name="find"),
        ToolDelta(0, '{"a":'),
        ToolDelta(0, "1}"),
        Ended(Finish.TOOL_USE),
        Used(usage),
        Closed(),
    )
    assert events == [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"text": "Hel"}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": 'lo "\u00fc'}, "contentBlockIndex": 0}},
        {"contentBlockStop": {"contentBlockIndex": 0}},
        {
            "contentBlockStart": {
                "start": {"toolUse": {"toolUseId": "t1", "name": "find"}},
                "contentBlockIndex": 1,
            }
        },
        {"contentBlockDelta": {"delta": {"toolUse": {"input": '{"a":'}}, "contentBlockIndex": 1}},
        {"contentBlockDelta": {"delta": {"toolUse": {"input": "1}"}}, "contentBlockIndex": 1}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {"messageStop": {"stopReason": "tool_use"}},
        {
            "metadata": {
                "usage": {
                    "inputTokens": 10,
                    "outputTokens": 5,
                    "totalTokens": 45,
                    "cacheReadInputTokens": 20,
                    "cacheWriteInputTokens": 10,
                    "cacheDetails": [{"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 6}],
                },
                "metrics": {"latencyMs": 0},
                "serviceTier": {"type": "flex"},
            }
        },
    ]


def test_an_empty_stream_has_a_beginning_and_an_end() -> None:
    assert [next(iter(event)) for event in written()] == ["messageStart", "messageStop", "metadata"]


def test_nothing_follows_the_end() -> None:
    writer = CLIENT.stream_writer(_ASKED)
    assert writer.write([Started("", ""), Closed()])
    assert writer.write([TextDelta("a")]) == writer.end() == writer.failure(problem(500)) == b""


def test_thinking() -> None:
    events = written(
        ThinkingDelta("a"),
        ThinkingDelta("b"),
        Sealed(format=Format.MESSAGES, signature="s"),
        ThinkingDelta("c"),
        Sealed(format=Format.MESSAGES, redacted="YWJj"),
        Sealed(format=Format.MESSAGES, signature="s"),
        TextDelta("d"),
    )
    assert blocks(events) == [
        ("reasoningContent", "absignature"),
        ("reasoningContent", "c"),
        ("reasoningContent", "redactedContent"),
        ("reasoningContent", "signature"),
        ("text", "d"),
    ]


def test_refusals_and_citations_are_text() -> None:
    citation = Citation(title="T", url="https://a.example", quoted="q")
    events = written(RefusalDelta("No."), Cited(citation), Ended(Finish.STOP))
    assert blocks(events) == [("text", "No.citation")]
    assert events[2]["contentBlockDelta"]["delta"]["citation"] == {
        "title": "T",
        "sourceContent": [{"text": "q"}],
        "location": {"web": {"url": "https://a.example"}},
    }
    assert {"messageStop": {"stopReason": "content_filtered"}} in events


def test_other_choices_and_foreign_content_are_left_out() -> None:
    foreign = ForeignDelta(format=Format.MESSAGES, kind="x", raw=msgspec.Raw(b"{}"))
    events = written(TextDelta("a", choice=1), foreign, TextDelta("b"), Ended(Finish.LENGTH, choice=1))
    assert blocks(events) == [("text", "b")]
    assert {"messageStop": {"stopReason": "end_turn"}} in events


def test_which_stop_sequence() -> None:
    stop = written(Ended(Finish.STOP_SEQUENCE, stop_sequence="END"))[1]["messageStop"]
    assert stop == {"stopReason": "stop_sequence", "additionalModelResponseFields": {"stop_sequence": "END"}}


def test_tool_calls_one_after_the_other_are_not_held_back() -> None:
    writer = CLIENT.stream_writer(_ASKED)
    writer.write([ToolStarted(index=0, id="t1", name="a"), ToolDelta(0, "{}")])
    assert b"t2" in writer.write([ToolStarted(index=1, id="t2", name="b")])


def test_tool_calls_that_come_mixed() -> None:
    events = written(
        ToolStarted(index=0, id="t1", name="a"),
        ToolStarted(index=1, id="t2", name="b"),
        ToolDelta(0, '{"x":'),
        ToolDelta(1, '{"y":'),
        TextDelta("between"),
        ToolDelta(0, "1}"),
        ToolDelta(1, "2}"),
        ToolDelta(0, " "),
    )
    assert blocks(events) == [("t1", '{"x":1}'), ("t2", '{"y":2}'), ("text", "between")]


def test_tool_calls_without_arguments_have_an_empty_object() -> None:
    events = written(ToolStarted(index=0, id="t1", name="a"), ToolStarted(index=1, id="t2", name="b"))
    assert blocks(events) == [("t1", "{}"), ("t2", "{}")]


def test_ids_that_bedrock_would_refuse_are_replaced() -> None:
    ((id_, _),) = blocks(written(ToolStarted(index=0, id="call|1", name="a")))
    assert id_.startswith("tooluse_")


_INDEXES = st.integers(0, 2)
_DELTAS: st.SearchStrategy[Delta] = st.one_of(
    st.builds(TextDelta, st.sampled_from(("", "a"))),
    st.builds(ThinkingDelta, st.sampled_from(("", "a"))),
    st.builds(Sealed, format=st.sampled_from(Format), signature=st.sampled_from(("s", None))),
    st.builds(Sealed, format=st.sampled_from(Format), redacted=st.just("YWJj")),
    st.builds(
        ToolStarted,
        index=_INDEXES,
        id=st.just("t"),
        name=st.just("n"),
        signature=st.sampled_from(("s", None)),
    ),
    st.builds(ToolDelta, _INDEXES, st.sampled_from(("", "{", "}", '"a":1', "{}"))),
    st.builds(Cited, st.just(Citation(title="T"))),
    st.builds(Started, st.just(""), st.just("")),
    st.builds(Ended, st.sampled_from(Finish)),
    st.builds(Used, st.just(Usage(input_tokens=3))),
)


@given(st.lists(_DELTAS, max_size=12))
def test_any_order_gives_a_valid_stream(deltas: list[Delta]) -> None:
    events = written(*deltas)
    blocks(events)
    assert [next(iter(event)) for event in (events[0], *events[-2:])] == [
        "messageStart",
        "messageStop",
        "metadata",
    ]
    said = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    texts = [
        event["contentBlockDelta"]["delta"].get("text", "")
        for event in events
        if "contentBlockDelta" in event
    ]
    assert "".join(texts) == said


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "validationException"),
        (402, "validationException"),
        (429, "throttlingException"),
        (500, "internalServerException"),
        (502, "modelStreamErrorException"),
        (503, "serviceUnavailableException"),
        (504, "modelStreamErrorException"),
        (529, "serviceUnavailableException"),
    ],
)
def test_failures(status: int, code: str) -> None:
    for by_delta in (False, True):
        writer = CLIENT.stream_writer(_ASKED)
        stream = writer.write([TextDelta("a")])
        stream += writer.write([Failed(status, "why")]) if by_delta else writer.failure(problem(status))
        with pytest.raises(EventStreamError) as raised:
            parsed_stream(stream)
        assert raised.value.response["Error"] == {"Code": code, "Message": "why"}
        assert writer.end() == b""


def test_blocks_that_converse_alone_knows_are_carried() -> None:
    """Of a tool that runs at the provider, read from one Converse stream and written into another, where a
    block of text in front has no number of its own."""
    events: list[tuple[str, dict[str, Any]]] = [
        (
            "contentBlockStart",
            {
                "contentBlockIndex": 4,
                "start": {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "type": "server_tool_use"}},
            },
        ),
        ("contentBlockDelta", {"contentBlockIndex": 4, "delta": {"toolUse": {"input": '{"q":'}}}),
        ("contentBlockDelta", {"contentBlockIndex": 4, "delta": {"toolUse": {"input": "1}"}}}),
        ("contentBlockStop", {"contentBlockIndex": 4}),
        (
            "contentBlockStart",
            {
                "contentBlockIndex": 5,
                "start": {"toolResult": {"toolUseId": "t", "type": "nova_grounding_result"}},
            },
        ),
        ("contentBlockDelta", {"contentBlockIndex": 5, "delta": {"toolResult": [{"json": {"x": 1}}]}}),
        ("contentBlockStop", {"contentBlockIndex": 5}),
    ]
    reader, writer = PROVIDER.stream_reader(), CLIENT.stream_writer(_ASKED)
    out = writer.write([Started("", ""), TextDelta("a")])
    for name, payload in events:
        out += writer.write(reader.read(frame(name, msgspec.json.encode({**payload, "p": "abc"}))))
    out += writer.write([TextDelta("b"), Ended(Finish.STOP), Closed()])
    assert writer.losses.names == []
    got = parsed_stream(out)
    text = [{"contentBlockDelta": {"delta": {"text": "a"}, "contentBlockIndex": 0}}]
    expected = [
        {name: {**payload, "contentBlockIndex": payload["contentBlockIndex"] - 3}} for name, payload in events
    ]
    assert got[1:-4] == [*text, {"contentBlockStop": {"contentBlockIndex": 0}}, *expected]
    assert got[-4] == {"contentBlockDelta": {"delta": {"text": "b"}, "contentBlockIndex": 3}}


def test_an_event_of_another_format_is_not() -> None:
    writer = CLIENT.stream_writer(_ASKED)
    event = msgspec.Raw(b'{"contentBlockIndex":0,"delta":{"text":"a"}}')
    written(ForeignDelta(format=Format.MESSAGES, kind="smell", raw=event), writer=writer)
    assert writer.losses.names == ["answer.smell"]
