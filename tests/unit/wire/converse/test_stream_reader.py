"""Streams of ConverseStream, read."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.bedrock_schema import service_model

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
    Sealed,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    Used,
)
from fastgate.domain.usage import Usage
from fastgate.wire.converse import PROVIDER
from fastgate.wire.converse.exceptions import STATUS_OF
from fastgate.wire.converse.finish import FINISH_OF, STOP_REASON_OF
from fastgate.wire.converse.frames import exception_frame, frame


def event(name: str, **members: Any) -> bytes:
    """As Bedrock sends it, with its padding."""
    return frame(name, msgspec.json.encode({**members, "p": "abcdefgh"}))


def delta(index: int = 0, **said: Any) -> bytes:
    return event("contentBlockDelta", contentBlockIndex=index, delta=said)


def read(*frames: bytes) -> list[Delta]:
    reader = PROVIDER.stream_reader()
    return [delta for each in frames for delta in reader.read(each)]


def test_a_whole_stream() -> None:
    usage = {
        "inputTokens": 10,
        "outputTokens": 5,
        "totalTokens": 45,
        "cacheReadInputTokens": 20,
        "cacheWriteInputTokens": 10,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 6}],
    }
    assert read(
        event("messageStart", role="assistant"),
        delta(0, reasoningContent={"text": "hm"}),
        delta(0, reasoningContent={"signature": "s"}),
        event("contentBlockStop", contentBlockIndex=0),
        delta(1, reasoningContent={"redactedContent": "YWJj"}),
        event("contentBlockStop", contentBlockIndex=1),
        delta(2, text="I look."),
        event("contentBlockStop", contentBlockIndex=2),
        event("contentBlockStart", contentBlockIndex=3, start={"toolUse": {"toolUseId": "t1", "name": "a"}}),
        delta(3, toolUse={"input": '{"q":'}),
        delta(3, toolUse={"input": "1}"}),
        event("contentBlockStop", contentBlockIndex=3),
        event("contentBlockStart", contentBlockIndex=4, start={"toolUse": {"toolUseId": "t2", "name": "b"}}),
        delta(4, toolUse={"input": ""}),
        event("contentBlockStop", contentBlockIndex=4),
        event("messageStop", stopReason="tool_use"),
        event("metadata", usage=usage, metrics={"latencyMs": 9}, serviceTier={"type": "priority"}),
    ) == [
        Started("", ""),
        ThinkingDelta("hm"),
        Sealed(format=Format.MESSAGES, signature="s"),
        Sealed(format=Format.MESSAGES, redacted="YWJj"),
        TextDelta("I look."),
        ToolStarted(index=0, id="t1", name="a"),
        ToolDelta(0, '{"q":'),
        ToolDelta(0, "1}"),
        ToolStarted(index=1, id="t2", name="b"),
        ToolDelta(1, ""),
        Ended(Finish.TOOL_USE),
        Used(
            Usage(
                input_tokens=40,
                output_tokens=5,
                cached_input_tokens=20,
                cache_write_tokens=10,
                cache_write_1h_tokens=4,
                service_tier="priority",
            )
        ),
        Closed(),
    ]


def test_when_it_is_complete() -> None:
    reader = PROVIDER.stream_reader()
    for each in (event("messageStart", role="assistant"), delta(0, text="a")):
        reader.read(each)
        assert not reader.complete()
    reader.read(event("messageStop", stopReason="end_turn"))
    assert reader.complete()


def test_citations_come_when_their_text_is_whole() -> None:
    said = {"title": "T", "sourceContent": [{"text": "q"}], "location": {"web": {"url": "https://a.example"}}}
    deltas = read(
        delta(0, text="before "),
        event("contentBlockStop", contentBlockIndex=0),
        delta(1, citation=said),
        delta(1, text="cited"),
        event("contentBlockStop", contentBlockIndex=1),
    )
    *texts, cited = deltas
    assert texts == [TextDelta("before "), TextDelta("cited")]
    assert isinstance(cited, Cited)
    assert msgspec.json.decode(cited.citation.raw) == said
    assert msgspec.structs.replace(cited.citation, raw=msgspec.Raw()) == Citation(
        url="https://a.example", title="T", quoted="q", start=7, end=12, format=Format.CONVERSE
    )


def test_which_stop_sequence() -> None:
    fields = {"stop_sequence": "END"}
    assert read(event("messageStop", stopReason="stop_sequence", additionalModelResponseFields=fields)) == [
        Ended(Finish.STOP_SEQUENCE, stop_sequence="END")
    ]
    for odd in ([1], {"stop_sequence": 3}, "x", None):
        stop = event("messageStop", stopReason="end_turn", additionalModelResponseFields=odd)
        assert read(stop) == [Ended(Finish.STOP)]


def test_what_only_converse_says_is_content() -> None:
    start = {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "type": "server_tool_use"}}
    deltas = read(
        event("contentBlockStart", contentBlockIndex=0, start=start),
        delta(0, toolUse={"input": "{}"}),
        delta(1, toolResult=[{"text": "x"}]),
    )
    foreign = [each for each in deltas if isinstance(each, ForeignDelta)]
    assert [each.kind for each in foreign] == ["toolUse", "toolUse", "toolResult"]


def test_any_block_may_be_started() -> None:
    """Bedrock starts tool uses only, and some that imitate it start all."""
    start = event("contentBlockStart", contentBlockIndex=0, start={})
    assert read(start, delta(0, text="a")) == [TextDelta("a")]
    assert read(start, delta(0, reasoningContent={"text": "hm"})) == [ThinkingDelta("hm")]


def test_every_reason_is_known_in_both_directions() -> None:
    reasons = set(service_model().shape_for("StopReason").enum)
    assert set(FINISH_OF) == reasons
    assert set(STOP_REASON_OF) == set(Finish)
    assert set(STOP_REASON_OF.values()) <= reasons
    assert read(event("messageStop", stopReason="new_reason")) == [Ended(Finish.STOP)]


def test_unknown_events_are_passed_over() -> None:
    assert read(event("newEvent", a=1), frame("initial-response", b"")) == []


@pytest.mark.parametrize(
    "broken",
    [
        frame("contentBlockDelta", b"{"),
        frame("contentBlockDelta", b""),
        frame("contentBlockDelta", b"\xff"),
        frame("contentBlockDelta", b'{"delta":{"text":"no index"}}'),
        frame("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":7}}'),
        frame("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"citation":7}}'),
        frame("contentBlockStart", b'{"contentBlockIndex":0}'),
        frame("messageStop", b"{}"),
        frame("metadata", b"[]"),
        frame("metadata", b"[" * 100_000),
        delta(5, toolUse={"input": "of a call that never began"}),
    ],
)
def test_malformed_events(broken: bytes) -> None:
    (failed,) = read(broken)
    assert isinstance(failed, Failed)
    assert failed.status == 502


def _exceptions() -> list[str]:
    members = service_model().shape_for("ConverseStreamOutput").members
    return [name for name, shape in members.items() if shape.metadata.get("exception")]


@pytest.mark.parametrize("name", _exceptions())
def test_exceptions(name: str) -> None:
    (failed,) = read(exception_frame(name, b'{"message":"why"}'))
    status = STATUS_OF[name[0].upper() + name[1:]]
    assert failed == Failed(502 if name == "modelStreamErrorException" else status, "why")


@pytest.mark.parametrize(("original", "status"), [(429, 429), (503, 503), (400, 502), (0, 502)])
def test_what_the_model_itself_answered(original: int, status: int) -> None:
    said = msgspec.json.encode({"originalStatusCode": original, "originalMessage": "why"})
    assert read(exception_frame("modelStreamErrorException", said)) == [Failed(status, "why")]


@pytest.mark.parametrize("payload", [b"", b"{", b'{"message":3}', b"[]"])
def test_exceptions_that_say_nothing(payload: bytes) -> None:
    (failed,) = read(exception_frame("someNewException", payload))
    assert isinstance(failed, Failed)
    assert failed.status == 500
    assert failed.message


@given(st.sampled_from(("messageStart", "contentBlockStart", "contentBlockDelta", "metadata")), st.binary())
def test_no_payload_is_too_odd(name: str, payload: bytes) -> None:
    for each in read(frame(name, payload), exception_frame(name, payload)):
        assert isinstance(each, Failed | Started)
