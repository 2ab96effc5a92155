"""Streams towards a client: each chunk is one of the SDK's, and together they are the answer."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import APIError
from tests.support.answers import merged_deltas, replies, streams
from tests.support.chat_schema import chunks_by_sdk, completion_by_sdk
from tests.support.conversations import Feature, Says
from tests.support.wire_targets import asked

from fastgate.domain.conversation import Citation, Conversation, Image, Source
from fastgate.domain.format import Format
from fastgate.domain.reply import (
    Cited,
    Closed,
    Delta,
    Ended,
    Failed,
    Finish,
    ForeignDelta,
    ImageDelta,
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
from fastgate.wire.chat import CLIENT, PROVIDER
from fastgate.wire.chat.request_reader import FunctionConversation
from fastgate.wire.interface import Asked, Problem, raw

ASKED = asked(Conversation(format=Format.CHAT, messages=()))
BEGUN = Started("id-1", "m-1")
PROBLEM = Problem(502, "it broke", "upstream_error", "upstream_error", None, "req-1")


def write(*deltas: Delta, of: Asked = ASKED) -> bytes:
    writer = CLIENT.stream_writer(of)
    return b"".join([writer.write([delta]) for delta in deltas]) + writer.end()


def events(stream: bytes) -> list[Any]:
    found = [event.removeprefix(b"data: ") for event in stream.split(b"\n\n") if event]
    return [event if event == b"[DONE]" else msgspec.json.decode(event) for event in found]


def deltas_of(stream: bytes) -> list[dict[str, Any]]:
    """Of all choices, without the first and the last of each."""
    chunks_by_sdk(stream)
    choices = [choice for event in events(stream)[:-1] for choice in event["choices"]]
    return [choice["delta"] for choice in choices if "role" not in choice["delta"] and choice["delta"]]


def test_a_whole_stream() -> None:
    stream = write(
        BEGUN,
        TextDelta("Hel", 0, raw({"content": []})),
        TextDelta("lo"),
        Ended(Finish.STOP),
        Used(Usage(input_tokens=3, output_tokens=2)),
        Closed(),
    )
    head = {
        "id": "id-1",
        "object": "chat.completion.chunk",
        "created": ASKED.created_s,
        "model": "m-1",
    }

    def chunk(delta: Any, logprobs: Any = None, reason: Any = None) -> Any:
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return {**head, "choices": [choice]}

    assert events(stream) == [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "Hel"}, {"content": []}),
        chunk({"content": "lo"}),
        chunk({}, None, "stop"),
        b"[DONE]",
    ]
    assert completion_by_sdk(stream).choices[0].message.content == "Hello"


def test_usage_comes_last_and_only_if_it_is_asked_for() -> None:
    used = (BEGUN, TextDelta("a"), Used(Usage(output_tokens=9)), Ended(Finish.STOP))
    final = Used(Usage(input_tokens=3, output_tokens=2))
    *_, last = chunks_by_sdk(write(*used, final, of=ASKED._replace(include_usage=True)))
    assert last.choices == []
    assert last.usage is not None
    assert (last.usage.prompt_tokens, last.usage.total_tokens) == (3, 5)
    assert all(chunk.usage is None for chunk in chunks_by_sdk(write(*used, final)))
    silent = write(BEGUN, TextDelta("a"), Ended(Finish.STOP), of=ASKED._replace(include_usage=True))
    assert all(chunk.choices for chunk in chunks_by_sdk(silent))


@pytest.mark.parametrize(("told", "said"), [("standard", "default"), ("priority", "priority"), ("odd", None)])
def test_the_tier_is_said_with_the_usage(told: str, said: str | None) -> None:
    used = Used(Usage(input_tokens=1, service_tier=told))
    *_, last = chunks_by_sdk(write(BEGUN, Ended(Finish.STOP), used, of=ASKED._replace(include_usage=True)))
    assert last.service_tier == said


def test_tools() -> None:
    stream = write(
        BEGUN,
        ToolStarted(index=0, id="1", name="f", signature="g"),
        ToolDelta(0, '{"a"'),
        ToolStarted(index=1, id="2", name="c", custom=True),
        ToolDelta(0, ":1}"),
        ToolDelta(1, "free"),
        ToolStarted(index=2, id="3", name="g"),
        Ended(Finish.TOOL_USE),
    )
    assert deltas_of(stream) == [
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "1",
                    "type": "function",
                    "function": {"name": "f", "arguments": ""},
                    "extra_content": {"google": {"thought_signature": "g"}},
                }
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
        {"tool_calls": [{"index": 1, "id": "2", "custom": {"name": "c", "input": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]},
        {"tool_calls": [{"index": 1, "custom": {"input": "free"}}]},
        {
            "tool_calls": [
                {"index": 2, "id": "3", "type": "function", "function": {"name": "g", "arguments": ""}}
            ]
        },
        # A call without arguments has the empty object: SDKs parse what they were given.
        {"tool_calls": [{"index": 2, "function": {"arguments": "{}"}}]},
    ]


def test_the_sdk_puts_parallel_calls_together() -> None:
    completion = completion_by_sdk(
        write(
            BEGUN,
            ToolStarted(index=0, id="1", name="f"),
            ToolStarted(index=1, id="2", name="g"),
            ToolDelta(1, "{"),
            ToolDelta(0, '{"a":1}'),
            ToolDelta(1, "}"),
            Ended(Finish.TOOL_USE),
        )
    )
    calls = completion.choices[0].message.tool_calls
    assert calls is not None
    assert [
        (call.id, call.function.name, call.function.arguments) for call in calls if call.type == "function"
    ] == [("1", "f", '{"a":1}'), ("2", "g", "{}")]


def test_a_client_of_functions_gets_a_function_call() -> None:
    stream = write(
        BEGUN,
        ToolStarted(index=0, id="1", name="f"),
        ToolDelta(0, '{"a":1}'),
        ToolStarted(index=1, id="2", name="g"),
        ToolDelta(1, "{}"),
        Ended(Finish.TOOL_USE),
        of=asked(FunctionConversation(format=Format.CHAT, messages=())),
    )
    assert deltas_of(stream) == [
        {"function_call": {"name": "f", "arguments": ""}},
        {"function_call": {"arguments": '{"a":1}'}},
    ]
    assert chunks_by_sdk(stream)[-1].choices[0].finish_reason == "function_call"


def test_thinking_comes_as_text_and_whole_where_it_is_sealed() -> None:
    assert deltas_of(
        write(
            BEGUN,
            ThinkingDelta("he"),
            ThinkingDelta("re"),
            Sealed(format=Format.MESSAGES, signature="s"),
            Sealed(format=Format.MESSAGES, redacted="r"),
            ThinkingDelta("there"),
            Sealed(format=Format.CONVERSE, signature="c"),
            Sealed(format=Format.GENERATE_CONTENT, signature="g"),
            TextDelta("a"),
        )
    ) == [
        {"reasoning_content": "he"},
        {"reasoning_content": "re"},
        {"thinking_blocks": [{"type": "thinking", "thinking": "here", "signature": "s"}]},
        {"thinking_blocks": [{"type": "redacted_thinking", "data": "r"}]},
        {"reasoning_content": "there"},
        {
            "thinking_blocks": [
                {"type": "thinking", "thinking": "there", "signature": "fastgate.converse.here.c"}
            ]
        },
        {
            "thinking_blocks": [
                {"type": "thinking", "thinking": "", "signature": "fastgate.generate_content.ahead.g"}
            ]
        },
        {"content": "a"},
    ]


def test_refusals_citations_and_what_is_the_formats_own() -> None:
    stream = write(
        ForeignDelta(format=Format.CHAT, kind="audio", raw=raw({"id": "a"})),
        ForeignDelta(format=Format.MESSAGES, kind="x", raw=raw({})),
        TextDelta("four"),
        ImageDelta(Image(source=Source(media_type="image/png", data="AA=="))),
        Cited(Citation(url="https://h", title="t")),
        Cited(Citation(quoted="no url")),
        RefusalDelta("no"),
        Ended(Finish.REFUSED),
    )
    citation = {"url": "https://h", "title": "t", "start_index": 4, "end_index": 4}
    assert deltas_of(stream) == [
        {"audio": {"id": "a"}},
        {"content": "four"},
        {"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]},
        {"annotations": [{"type": "url_citation", "url_citation": citation}]},
        {"refusal": "no"},
    ]
    assert chunks_by_sdk(stream)[-1].choices[0].finish_reason == "stop"


def test_every_choice_begins_with_its_role_and_ends_with_a_reason() -> None:
    chunks = chunks_by_sdk(
        write(
            TextDelta("a", 1),
            TextDelta("b", 0),
            Ended(Finish.LENGTH, 1),
            Ended(Finish.STOP, 1),
            ToolStarted(index=0, id="1", name="f", choice=2),
        )
    )
    choices = [choice for chunk in chunks for choice in chunk.choices]
    for index, reason in ((0, "stop"), (1, "length"), (2, "tool_calls")):
        own = [choice for choice in choices if choice.index == index]
        assert own[0].delta.role == "assistant"
        assert [choice.finish_reason for choice in own if choice.finish_reason] == [reason]
    assert all(chunk.id == "fallback-id" and chunk.model == "asked-model" for chunk in chunks)


def test_a_stream_that_goes_on_with_another_does_not_begin_again() -> None:
    deltas = (BEGUN, TextDelta("there"), Ended(Finish.STOP), Closed())
    stream = write(*deltas, of=ASKED._replace(continues=True))
    assert deltas_of(stream) == [{"content": "there"}]
    assert b'"role"' not in stream


def test_an_empty_stream_is_an_empty_answer() -> None:
    writer = CLIENT.stream_writer(ASKED)
    stream = writer.end()
    assert completion_by_sdk(stream).choices[0].finish_reason == "stop"
    assert writer.end() == b""


def test_a_failure_is_the_sdks_own_error_and_the_end() -> None:
    writer = CLIENT.stream_writer(ASKED)
    stream = writer.write([BEGUN, TextDelta("a"), Failed(500, "theirs")]) + writer.failure(PROBLEM)
    assert writer.end() == b""
    with pytest.raises(APIError, match="it broke"):
        chunks_by_sdk(stream)


FEATURES = {Feature.PLAIN_THINKING, Feature.TOOLS, Feature.CUSTOM_TOOLS, Feature.SIGNATURES, Feature.REFUSALS}
SAYS = Says(Format.CHAT, FEATURES)


@given(streams(replies(SAYS, choices=2)))
def test_what_is_written_is_read_again(deltas: list[Delta]) -> None:
    stream = write(*deltas, of=ASKED._replace(include_usage=True))
    chunks_by_sdk(stream)
    splitter = PROVIDER.splitter(len(stream))
    splitter.feed(stream)
    reader = PROVIDER.stream_reader()
    again = [delta for event, _ in splitter.events() for delta in reader.read(event)]
    assert reader.complete()
    assert _comparable(again) == _comparable(deltas)


def _comparable(deltas: Sequence[Delta]) -> dict[Any, list[Delta]]:
    """By choice, since the order among them may be any; a refusal is why an answer ended."""
    lines: dict[Any, list[Delta]] = {}
    refused = {delta.choice for delta in deltas if isinstance(delta, RefusalDelta)}
    for delta in merged_deltas(deltas):
        choice = getattr(delta, "choice", None)
        if isinstance(delta, Ended) and choice in refused and delta.finish is Finish.STOP:
            delta = Ended(Finish.REFUSED, delta.choice)  # noqa: PLW2901  # what it is compared as
        lines.setdefault(choice, []).append(delta)
    return {choice: merged_deltas(line) for choice, line in lines.items()}


ANY = Says(Format.CONVERSE, {*FEATURES, Feature.THINKING, Feature.REDACTED})


@given(streams(replies(ANY, choices=2, finishes=tuple(Finish))), st.randoms())
def test_any_order_is_a_valid_stream(deltas: list[Delta], random: Any) -> None:
    random.shuffle(deltas)
    writer = CLIENT.stream_writer(ASKED._replace(include_usage=True))
    stream = writer.write(deltas) + writer.end()
    assert stream.endswith(b"data: [DONE]\n\n")
    chunks_by_sdk(stream)
