"""Whole answers and errors: what a client gets, as boto3 reads it, and what is read of Bedrock's."""

from typing import Any

import msgspec
import pytest
from tests.support.bedrock_schema import parsed_answer, parsed_error
from tests.support.wire_targets import asked

from fastgate.domain.conversation import (
    Citation,
    Conversation,
    Foreign,
    Image,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolUse,
)
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Closed, Finish, Reply
from fastgate.domain.usage import Usage
from fastgate.wire.converse import CLIENT, PROVIDER
from fastgate.wire.converse.frames import frame
from fastgate.wire.interface import Losses, Problem, Summary

_ASKED = asked(Conversation(format=Format.CONVERSE, messages=()))
_USAGE = {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}


def answer(*content: dict[str, Any], **members: Any) -> bytes:
    message = {"role": "assistant", "content": list(content)}
    said = {"output": {"message": message}, "stopReason": "end_turn", "usage": _USAGE} | members
    return msgspec.json.encode(said | {"metrics": {"latencyMs": 1}})


def test_what_is_read() -> None:
    citation = {"title": "T", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}
    reply = PROVIDER.read_answer(
        answer(
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
            {"text": "So "},
            {"citationsContent": {"content": [{"text": "it is"}], "citations": [citation]}},
            {"toolUse": {"toolUseId": "t", "name": "n", "input": {"a": 1}}},
            {"newKind": {"x": 1}},
            stopReason="stop_sequence",
            serviceTier={"type": "priority"},
            additionalModelResponseFields={"stop_sequence": "END"},
        )
    )
    (choice,) = reply.choices
    assert (choice.finish, choice.stop_sequence) == (Finish.STOP_SEQUENCE, "END")
    assert (reply.id, reply.model, reply.service_tier) == ("", "", "priority")
    assert reply.usage == Usage(input_tokens=3, output_tokens=4, service_tier="priority")
    thinking, text, cited, use, foreign = choice.parts
    assert thinking == Thinking(text="hm", signature="s", format=Format.MESSAGES)
    assert text == Text(text="So ")
    assert isinstance(cited, Text)
    assert (cited.citations[0].title, cited.citations[0].start, cited.citations[0].end) == ("T", 3, 8)
    assert use == ToolUse(id="t", name="n", arguments='{"a":1}')
    assert isinstance(foreign, Foreign)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff",
        answer({"text": 1}),
        answer({}),
        b'{"output":{},"stopReason":"end_turn"}',
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        PROVIDER.read_answer(body)


_ODD: tuple[Any, ...] = (
    3,
    None,
    {},
    {"inputTokens": -1, "outputTokens": 1},
    {"inputTokens": 1.5, "outputTokens": 1},
    {"inputTokens": 1 << 50, "outputTokens": 1},
    {"inputTokens": "1", "outputTokens": 1},
)


def counting(usage: Any) -> bytes:
    return msgspec.json.encode({"usage": usage, "serviceTier": 3})


@pytest.mark.parametrize("usage", _ODD)
def test_odd_counts_cost_nothing_but_themselves(usage: Any) -> None:
    reply = PROVIDER.read_answer(answer({"text": "a"}, usage=usage, serviceTier=3))
    assert (reply.usage, reply.service_tier) == (None, None)
    assert PROVIDER.stream_reader().read(frame("metadata", counting(usage))) == (Closed(),)


def test_summaries() -> None:
    assert PROVIDER.summary(answer()) == Summary(Usage(input_tokens=3, output_tokens=4), None)
    for body in (b"", b"{}", b"[]", b"\xff", b"[" * 100_000, *map(counting, _ODD)):
        assert PROVIDER.summary(body) == Summary(None, None)
    for body in (b'{"message":"oh"}', b'{"__type":"ThrottlingException","Message":"oh"}'):
        assert PROVIDER.summary(body) == Summary(None, None, 500, "oh")


def test_what_a_client_gets() -> None:
    own = Citation(format=Format.CONVERSE, raw=msgspec.Raw(b'{"title":"own"}'))
    parts = (
        Thinking(text="hm", signature="s", format=Format.MESSAGES),
        Thinking(text="plain", format=Format.CHAT),
        Text(text="a", citations=(own, Citation(title="T", url="https://a.example", quoted="q"))),
        Refusal(text="No."),
        Image(source=Source(media_type="image/png", data="YWJj")),
        Image(source=Source(url="https://a.example/i.png")),
        ToolUse(id="t", name="n", arguments='{"a":1}'),
        Foreign(format=Format.MESSAGES, kind="x", raw=msgspec.Raw(b"{}")),
    )
    choice = Choice(parts=parts, finish=Finish.TOOL_USE, stop_sequence="END")
    usage = Usage(input_tokens=9, output_tokens=4, cached_input_tokens=2)
    reply = Reply(id="i", model="m", choices=(choice,), usage=usage, service_tier="flex")
    parsed = parsed_answer(CLIENT.write_answer(reply, _ASKED, Losses()))
    web = {"title": "T", "sourceContent": [{"text": "q"}], "location": {"web": {"url": "https://a.example"}}}
    assert parsed == {
        "output": {
            "message": {
                "role": "assistant",
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
                    {"reasoningContent": {"reasoningText": {"text": "plain"}}},
                    {"citationsContent": {"content": [{"text": "a"}], "citations": [{"title": "own"}, web]}},
                    {"text": "No."},
                    {"image": {"format": "png", "source": {"bytes": b"abc"}}},
                    {"text": "![image](https://a.example/i.png)"},
                    {"toolUse": {"toolUseId": "t", "name": "n", "input": {"a": 1}}},
                ],
            }
        },
        "stopReason": "tool_use",
        "usage": {
            "inputTokens": 7,
            "outputTokens": 4,
            "totalTokens": 13,
            "cacheReadInputTokens": 2,
            "cacheWriteInputTokens": 0,
        },
        "metrics": {"latencyMs": 0},
        "additionalModelResponseFields": {"stop_sequence": "END"},
        "serviceTier": {"type": "flex"},
    }


@pytest.mark.parametrize("finish", Finish)
def test_every_finish(finish: Finish) -> None:
    reply = Reply(id="", model="", choices=(Choice(parts=(), finish=finish),), service_tier="standard")
    assert "serviceTier" not in parsed_answer(CLIENT.write_answer(reply, _ASKED, Losses()))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ValidationException"),
        (401, "AccessDeniedException"),
        (402, "ServiceQuotaExceededException"),
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (413, "ValidationException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (501, "InternalServerException"),
        (502, "InternalServerException"),
        (503, "ServiceUnavailableException"),
        (504, "ModelTimeoutException"),
    ],
)
def test_errors_as_boto3_reads_them(status: int, code: str) -> None:
    headers, body = CLIENT.write_problem(Problem(status, "why \u00fc", "t", "c", "p", "req-1"))
    said = {name.decode(): value.decode() for name, value in headers}
    assert said["content-type"] == "application/json"
    assert parsed_error(status, said, body) == {"Message": "why \u00fc", "Code": code}
