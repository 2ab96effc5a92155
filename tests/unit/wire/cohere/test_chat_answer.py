"""Whole answers and streams of Cohere's chat, which the types of its SDK have checked."""

from itertools import pairwise
from typing import Any, get_args

import msgspec
import pytest
from cohere.types.chat_finish_reason import ChatFinishReason
from cohere.v2.types.v2chat_response import V2ChatResponse
from cohere.v2.types.v2chat_stream_response import V2ChatStreamResponse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from fastgate.domain.conversation import Citation, Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.cohere import CHAT_PROVIDER
from fastgate.wire.cohere.finish import FAILURES, FINISHES

COHERE = Format.COHERE_CHAT
USAGE = {
    "billed_units": {"input_tokens": 5.0, "output_tokens": 418.0},
    "tokens": {"input_tokens": 71.0, "output_tokens": 418.0},
    "cached_tokens": 64.0,
}
CITATION = {
    "start": 4,
    "end": 9,
    "text": "sunny",
    "type": "TEXT_CONTENT",
    "content_index": 0,
    "sources": [
        {
            "type": "document",
            "id": "d1",
            "document": {"id": "d1", "title": "Sky", "url": "https://w.example", "snippet": "It is sunny."},
        },
        {"type": "tool", "id": "c1:0", "tool_output": {"text": "sun"}},
    ],
}


def answer(message: dict[str, Any], **fields: Any) -> bytes:
    body = {
        "id": "a1",
        "finish_reason": "COMPLETE",
        "usage": USAGE,
        "message": {"role": "assistant", **message},
        **fields,
    }
    V2ChatResponse.model_validate(body)
    return msgspec.json.encode(body)


def event(type_: str, **fields: Any) -> bytes:
    body = {"type": type_, **fields}
    TypeAdapter(V2ChatStreamResponse).validate_python(body)
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), msgspec.json.encode(body))


def said(**message: Any) -> dict[str, Any]:
    return {"message": message}


STREAM = (
    event(
        "message-start",
        id="a1",
        delta=said(role="assistant", content=[], tool_plan="", tool_calls=[], citations=[]),
    ),
    event("content-start", index=0, delta=said(content={"type": "thinking", "thinking": ""})),
    event("content-delta", index=0, delta=said(content={"thinking": "hm"})),
    event("content-end", index=0),
    event("content-start", index=1, delta=said(content={"type": "text", "text": ""})),
    event("content-delta", index=1, delta=said(content={"text": "It's sunny"})),
    event("citation-start", index=0, delta=said(citations=CITATION)),
    event("citation-end", index=0),
    event("content-end", index=1),
    event("tool-plan-delta", delta=said(tool_plan="I will ")),
    event("tool-plan-delta", delta=said(tool_plan="look.")),
    event(
        "tool-call-start",
        index=0,
        delta=said(tool_calls={"id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}),
    ),
    event("tool-call-delta", index=0, delta=said(tool_calls={"function": {"arguments": '{"a"'}})),
    event("tool-call-delta", index=0, delta=said(tool_calls={"function": {"arguments": ":1}"}})),
    event("tool-call-end", index=0),
    event(
        "tool-call-start",
        index=1,
        delta=said(tool_calls={"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}}),
    ),
    event("tool-call-end", index=1),
    event("message-end", id="a1", delta={"finish_reason": "TOOL_CALL", "usage": USAGE}),
)
READ_CITATIONS = (
    Citation(
        url="https://w.example",
        title="Sky",
        quoted="It is sunny.",
        start=4,
        end=9,
        format=COHERE,
        raw=msgspec.Raw(msgspec.json.encode(CITATION)),
    ),
    Citation(quoted="sun", start=4, end=9, format=COHERE),
)
USED = Usage(input_tokens=5, output_tokens=418, cached_input_tokens=5)
DELTAS: list[Delta] = [
    Started("a1", ""),
    ThinkingDelta("hm"),
    TextDelta("It's sunny"),
    Cited(READ_CITATIONS[0]),
    Cited(READ_CITATIONS[1]),
    ThinkingDelta("I will "),
    ThinkingDelta("look."),
    ToolStarted(index=0, id="c1", name="f"),
    ToolDelta(0, '{"a"'),
    ToolDelta(0, ":1}"),
    ToolStarted(index=1, id="c2", name="g"),
    ToolDelta(1, "{}"),
    Used(USED),
    Ended(Finish.TOOL_USE),
    Closed(),
]


def read_stream(chunks: list[bytes]) -> tuple[list[Delta], bool]:
    reader = CHAT_PROVIDER.stream_reader()
    splitter = CHAT_PROVIDER.splitter(1 << 20)
    deltas: list[Delta] = []
    for chunk in chunks:
        splitter.feed(chunk)
        for each, _ in splitter.events():
            deltas += reader.read(each)
    return deltas, reader.complete()


def test_a_whole_answer() -> None:
    reply = CHAT_PROVIDER.read_answer(
        answer(
            {
                "tool_plan": "I will look.",
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "It's sunny"},
                ],
                "citations": [CITATION],
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
                ],
            },
            finish_reason="TOOL_CALL",
        )
    )
    assert (reply.id, reply.model, reply.usage) == ("a1", "", USED)
    (choice,) = reply.choices
    assert choice.finish is Finish.TOOL_USE
    assert choice.parts == (
        Thinking(text="I will look.", format=COHERE),
        Thinking(text="hm", format=COHERE),
        Text(text="It's sunny", citations=READ_CITATIONS),
        ToolUse(id="c1", name="f", arguments='{"a":1}'),
    )


def test_positions_in_a_plan_are_not_those_of_the_answer() -> None:
    cited = {**CITATION, "type": "PLAN"}
    reply = CHAT_PROVIDER.read_answer(
        answer({"content": [{"type": "text", "text": "a"}], "citations": [cited]})
    )
    (text,) = reply.choices[0].parts
    assert isinstance(text, Text)
    assert {(each.start, each.end) for each in text.citations} == {(None, None)}


def test_log_probabilities() -> None:
    items = [
        {"text": "It's", "token_ids": [1, 2], "logprobs": [-0.25, -0.5]},
        {"text": " ok", "token_ids": [3], "logprobs": [-1.0]},
    ]
    reply = CHAT_PROVIDER.read_answer(
        answer({"content": [{"type": "text", "text": "It's ok"}]}, logprobs=items)
    )
    raw = reply.choices[0].logprobs
    assert raw is not None
    tokens = msgspec.json.decode(raw)["content"]
    assert [(token["token"], token["logprob"]) for token in tokens] == [("It's", -0.75), (" ok", -1.0)]
    assert bytes(tokens[1]["bytes"]) == b" ok"
    deltas, _ = read_stream(
        [event("content-delta", index=0, delta=said(content={"text": " ok"}), logprobs=items[1])]
    )
    (delta,) = deltas
    assert isinstance(delta, TextDelta)
    assert delta.logprobs is not None
    assert msgspec.json.decode(delta.logprobs)["content"] == tokens[1:]


def test_every_finish_reason_is_known() -> None:
    literal, _ = get_args(ChatFinishReason)
    assert set(get_args(literal)) == set(FINISHES) | set(FAILURES)


@pytest.mark.parametrize(("reason", "status"), FAILURES.items())
def test_an_answer_that_failed(reason: str, status: int) -> None:
    body = answer({}, finish_reason=reason)
    with pytest.raises(ValueError, match=reason):
        CHAT_PROVIDER.read_answer(body)
    summary = CHAT_PROVIDER.summary(body)
    assert (summary.failed, summary.usage, summary.id) == (status, USED, "a1")
    end = event("message-end", delta={"finish_reason": reason, "usage": USAGE, "error": "no luck"})
    assert read_stream([end])[0] == [Used(USED), Failed(status, "no luck")]


@pytest.mark.parametrize(("reason", "finish"), [*FINISHES.items(), ("SOMETHING_NEW", Finish.STOP)])
def test_an_answer_that_ended(reason: str, finish: Finish) -> None:
    body = answer({"content": [{"type": "text", "text": "a"}]}, finish_reason=reason)
    assert CHAT_PROVIDER.read_answer(body).choices[0].finish is finish
    assert CHAT_PROVIDER.summary(body).failed == 0
    deltas, complete = read_stream([event("message-end", delta={"finish_reason": reason})])
    assert (deltas, complete) == ([Ended(finish), Closed()], True)


def test_a_stream() -> None:
    assert read_stream(list(STREAM)) == (DELTAS, True)


def test_a_stream_is_incomplete_before_its_end() -> None:
    for length in range(len(STREAM)):
        assert not read_stream(list(STREAM[:length]))[1]


@given(st.lists(st.integers(0, sum(map(len, STREAM))), max_size=8))
def test_where_a_stream_is_cut_changes_nothing(cuts: list[int]) -> None:
    data = b"".join(STREAM)
    edges = [0, *sorted(cuts), len(data)]
    assert read_stream([data[a:b] for a, b in pairwise(edges)]) == (DELTAS, True)


def test_a_stream_of_single_bytes() -> None:
    data = b"".join(STREAM)
    assert read_stream([data[at : at + 1] for at in range(len(data))]) == (DELTAS, True)


@pytest.mark.parametrize(
    "harmless",
    [
        b": ping\n\n",
        b"data: [DONE]\n\n",
        b'event: debug\ndata: {"type":"debug","prompt":"p"}\n\n',
        b'data: {"type":"brand-new","delta":"of another shape","index":"x"}\n\n',
        b'data: {"type":"content-delta"}\n\n',
        b'data: {"type":"content-delta","delta":{"message":{"content":{}}}}\n\n',
        b'data: {"type":"tool-plan-delta","delta":{}}\n\n',
        b'data: {"type":"citation-start","delta":{"message":{}}}\n\n',
        b'data: {"type":"tool-call-delta","index":0,"delta":{}}\n\n',
    ],
)
def test_events_that_say_nothing(harmless: bytes) -> None:
    assert read_stream([harmless]) == ([], False)


@pytest.mark.parametrize(
    "broken",
    [
        b"data: {\n\n",
        b"data: no JSON\n\n",
        b'data: "text"\n\n',
        b'data: {"type":"content-delta","delta":{"message":{"content":{"text":7}}}}\n\n',
        b'data: {"type":"content-delta","delta":"x"}\n\n',
        b'data: {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c"}}}}\n\n',
        b'data: {"type":"tool-call-delta","index":4,'
        b'"delta":{"message":{"tool_calls":{"function":{"arguments":"x"}}}}}\n\n',
        b'data: {"type":"citation-start","delta":{"message":{"citations":{"start":"x"}}}}\n\n',
        b'data: {"type":"content-delta","delta":{"message":{"content":{"text":"\xff"}}}}\n\n',
    ],
)
def test_broken_events(broken: bytes) -> None:
    (delta,) = read_stream([broken])[0]
    assert isinstance(delta, Failed)
    assert delta.status == 502


def test_an_error_in_the_stream() -> None:
    assert read_stream([b'data: {"id":"x","message":"too many"}\n\n'])[0] == [Failed(500, "too many")]


@given(st.binary(max_size=200))
def test_no_event_raises(data: bytes) -> None:
    for event_ in (data, b"data: %b\n\n" % data, b'data: {"type":"message-end","delta":%b}\n\n' % data):
        for delta in CHAT_PROVIDER.stream_reader().read(event_):
            assert isinstance(delta, Failed | Ended | Closed | Used)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        (None, None),
        ({}, None),
        ({"tokens": {"input_tokens": 3, "output_tokens": 4}}, Usage(input_tokens=3, output_tokens=4)),
        ({"billed_units": {"input_tokens": "3", "output_tokens": -4}}, Usage()),
        ({"billed_units": [3]}, None),
        ({"billed_units": {"input_tokens": 1e300}}, Usage()),
        (
            {"billed_units": {"search_units": 2.0}},
            Usage(other={"rerank_searches": 2}),
        ),
    ],
)
def test_usage_of_any_kind_costs_no_answer(usage: Any, read: Usage | None) -> None:
    body = msgspec.json.encode({"message": {"content": []}, "usage": usage, "finish_reason": "COMPLETE"})
    assert CHAT_PROVIDER.read_answer(body).usage == read
    assert CHAT_PROVIDER.summary(body).usage == read


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message":"oops"}'])
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  msgspec's errors are meant, whatever they say
        CHAT_PROVIDER.read_answer(body)


def test_a_body_that_is_no_json_has_failed() -> None:
    assert CHAT_PROVIDER.summary(b"<html>").failed == 502
