"""Whole answers and streams of Ollama's chat, which the types of its SDK have checked."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ollama import ChatResponse

from fastgate.domain.conversation import Text, Thinking, ToolUse
from fastgate.domain.format import Format
from fastgate.domain.reply import (
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
from fastgate.wire.ollama import CHAT_PROVIDER

OLLAMA = Format.OLLAMA_CHAT


def line(**fields: Any) -> bytes:
    body = {"model": "llama", "created_at": "2026-11-24T12:00:00Z", "done": False, **fields}
    ChatResponse.model_validate(body)
    return msgspec.json.encode(body) + b"\n"


def message(content: str = "", **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content, **fields}


LOGPROBS = [
    {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": [{"token": "Ho", "logprob": -2.0}]}
]
DONE = {"done": True, "done_reason": "stop", "prompt_eval_count": 26, "eval_count": 9, "total_duration": 5}
STREAM = (
    line(message=message(thinking="hm")),
    line(message=message("Hi")),
    line(message=message(" there")),
    line(
        message=message(
            tool_calls=[{"id": "call_1", "function": {"index": 0, "name": "f", "arguments": {"a": 1}}}]
        )
    ),
    line(
        message=message(tool_calls=[{"id": "call_2", "function": {"index": 1, "name": "g", "arguments": {}}}])
    ),
    line(message=message(), **DONE),
)
USED = Usage(input_tokens=26, output_tokens=9)
DELTAS: list[Delta] = [
    Started("", "llama"),
    ThinkingDelta("hm"),
    TextDelta("Hi"),
    TextDelta(" there"),
    ToolStarted(index=0, id="call_1", name="f"),
    ToolDelta(0, '{"a":1}'),
    ToolStarted(index=1, id="call_2", name="g"),
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
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}, {"function": {"name": "g", "arguments": {}}}]
    reply = CHAT_PROVIDER.read_answer(
        line(message=message("Hi", thinking="hm", tool_calls=calls), logprobs=LOGPROBS, **DONE)
    )
    assert (reply.id, reply.model, reply.usage) == ("", "llama", USED)
    (choice,) = reply.choices
    assert choice.finish is Finish.TOOL_USE
    thinking, text, *uses = choice.parts
    assert (thinking, text) == (Thinking(text="hm", format=OLLAMA), Text(text="Hi"))
    assert [(use.name, use.arguments) for use in uses if isinstance(use, ToolUse)] == [
        ("f", '{"a":1}'),
        ("g", "{}"),
    ]
    ids = {use.id for use in uses if isinstance(use, ToolUse)}
    assert len(ids) == 2
    assert all(len(each) == 29 and each.removeprefix("call_").isalnum() for each in ids)
    assert choice.logprobs is not None
    (token,) = msgspec.json.decode(choice.logprobs)["content"]
    assert token == {
        "token": "Hi",
        "logprob": -0.5,
        "bytes": [72, 105],
        "top_logprobs": [{"token": "Ho", "logprob": -2.0, "bytes": None}],
    }


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", Finish.STOP), ("length", Finish.LENGTH), ("load", Finish.STOP), (None, Finish.STOP)],
)
def test_finish_reasons(reason: str | None, finish: Finish) -> None:
    body = line(message=message("a"), done=True, done_reason=reason)
    assert CHAT_PROVIDER.read_answer(body).choices[0].finish is finish
    assert read_stream([body])[0][-2:] == [Ended(finish), Closed()]


def test_a_stream() -> None:
    assert read_stream(list(STREAM)) == (DELTAS, True)
    for length in range(len(STREAM)):
        assert not read_stream(list(STREAM[:length]))[1]


@given(st.lists(st.integers(0, sum(map(len, STREAM))), max_size=8))
def test_where_a_stream_is_cut_changes_nothing(cuts: list[int]) -> None:
    data = b"".join(STREAM)
    edges = [0, *sorted(cuts), len(data)]
    assert read_stream([data[a:b] for a, b in pairwise(edges)]) == (DELTAS, True)


def test_log_probabilities_of_a_stream() -> None:
    deltas, _ = read_stream([line(message=message("Hi"), logprobs=LOGPROBS)])
    assert isinstance(deltas[1], TextDelta)
    assert deltas[1].logprobs is not None


@pytest.mark.parametrize("harmless", [b"\n", b" \r\n", b'{"new":"field"}\n', b'{"message":{}}\n'])
def test_lines_that_say_nothing(harmless: bytes) -> None:
    deltas, complete = read_stream([harmless])
    assert deltas in ([], [Started("", "")])
    assert not complete


@pytest.mark.parametrize(
    "broken",
    [
        b"{\n",
        b"[]\n",
        b'{"message":"x"}\n',
        b'{"message":{"content":7}}\n',
        b'{"message":{"tool_calls":[{}]}}\n',
        b'{"message":{"content":"a"},"logprobs":7}\n',
        b'{"message":{"content":"\xff"}}\n',
    ],
)
def test_broken_lines(broken: bytes) -> None:
    (delta,) = read_stream([broken])[0]
    assert isinstance(delta, Failed)
    assert delta.status == 502


def test_an_error_in_the_stream() -> None:
    deltas, complete = read_stream([STREAM[0], b'{"error":"model runner has stopped"}\n'])
    assert deltas[-1] == Failed(500, "model runner has stopped")
    assert not complete


def test_an_error_in_an_answer() -> None:
    body = b'{"error":"out of memory"}'
    summary = CHAT_PROVIDER.summary(body)
    assert (summary.failed, summary.message) == (500, "out of memory")
    with pytest.raises(ValueError, match="out of memory"):
        CHAT_PROVIDER.read_answer(body)


def test_summaries() -> None:
    assert CHAT_PROVIDER.summary(line(message=message("a"), **DONE)).usage == USED
    assert CHAT_PROVIDER.summary(line(message=message("a"))).usage is None
    assert CHAT_PROVIDER.summary(b"<html>").failed == 502


@given(st.binary(max_size=200))
def test_no_line_raises(data: bytes) -> None:
    for each in (data, b'{"message":%b}' % data, b'{"done":true,"eval_count":%b}' % data):
        CHAT_PROVIDER.stream_reader().read(each)
