"""Whole answers: Anthropic's as they come, and those of others as its SDK takes them in strict mode."""

from typing import Any, get_args

import msgspec
import pytest
from anthropic.types import Message, StopReason, ToolUseBlock
from anthropic.types import Usage as SdkUsage
from anthropic.types.beta import BetaStopReason
from tests.support.messages_requests import chat, raw
from tests.support.messages_schema import read_by_sdk
from tests.support.wire_targets import asked

from fastgate.domain.conversation import (
    Audio,
    Citation,
    Foreign,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolUse,
)
from fastgate.domain.format import Format
from fastgate.domain.reply import Choice, Finish, Reply
from fastgate.domain.usage import Usage
from fastgate.wire.interface import Losses
from fastgate.wire.messages import CLIENT, PROVIDER
from fastgate.wire.messages.finish import FINISH_OF, STOP_REASON_OF

WEB = {
    "type": "web_search_result_location",
    "cited_text": "C",
    "encrypted_index": "e",
    "title": "T",
    "url": "https://a.example",
}


def reply(
    *parts: Part, finish: Finish = Finish.STOP, usage: Usage | None = None, id_: str = "msg_1"
) -> Reply:
    return Reply(id=id_, model="m", choices=(Choice(parts=parts, finish=finish),), usage=usage)


def written(answer: Reply) -> dict[str, Any]:
    body = CLIENT.write_answer(answer, asked(chat()), Losses())
    read_by_sdk(body)
    plain: dict[str, Any] = msgspec.json.decode(body)
    return plain


def read(**members: Any) -> Reply:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
        **members,
    }
    return PROVIDER.read_answer(msgspec.json.encode(message))


def test_what_making_a_conversation_shorter_took_is_usage_too() -> None:
    """Anthropic's counts leave it out, and it is billed."""
    summary = {"type": "compaction", "input_tokens": 100, "output_tokens": 9, "cache_read_input_tokens": 20}
    usage = read(
        usage={
            "input_tokens": 10,
            "output_tokens": 7,
            "iterations": [summary, {"type": "message", "input_tokens": 10, "output_tokens": 7}],
            "speed": "fast",
            "service_tier": "standard",
        }
    ).usage
    assert usage == Usage(input_tokens=130, output_tokens=16, cached_input_tokens=20, service_tier="fast")


def test_an_answer_of_the_provider() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    answer = read(
        content=[
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"},
            search,
            {"type": "text", "text": "It is "},
            {"type": "text", "text": "so.", "citations": [WEB]},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
        ],
        stop_reason="tool_use",
        usage={
            "input_tokens": 10,
            "cache_creation_input_tokens": 5,
            "cache_read_input_tokens": 3,
            "cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 4},
            "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 2},
            "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
            "service_tier": "priority",
            "inference_geo": "us",
        },
    )
    citation = Citation(
        url="https://a.example",
        title="T",
        quoted="C",
        start=6,
        end=9,
        format=Format.MESSAGES,
        raw=raw(WEB),
    )
    assert answer == Reply(
        id="msg_1",
        model="m",
        choices=(
            Choice(
                parts=(
                    Thinking(text="hm", signature="s", format=Format.MESSAGES),
                    Thinking(redacted="d", format=Format.MESSAGES),
                    Foreign(format=Format.MESSAGES, kind="server_tool_use", raw=raw(search)),
                    Text(text="It is "),
                    Text(text="so.", citations=(citation,)),
                    ToolUse(id="t", name="f", arguments='{"a":1}'),
                ),
                finish=Finish.TOOL_USE,
            ),
        ),
        usage=Usage(
            input_tokens=18,
            output_tokens=7,
            cached_input_tokens=3,
            cache_write_tokens=5,
            cache_write_1h_tokens=4,
            reasoning_tokens=2,
            web_searches=1,
            service_tier="priority",
        ),
        service_tier="priority",
    )
    assert written(answer)["content"][4]["citations"] == [WEB]


def test_fields_that_strict_clients_want_are_all_there() -> None:
    answer = written(reply(Text(text="x"), ToolUse(id="t", name="f", arguments="")))
    # Absent but for requests that ask for them.
    assert Message.model_fields.keys() - answer.keys() == {"diagnostics"}
    assert SdkUsage.model_fields.keys() - answer["usage"].keys() == {"speed"}
    text, tool = answer["content"]
    assert text == {"type": "text", "text": "x", "citations": None}
    assert ToolUseBlock.model_fields.keys() - tool.keys() == {"toolset_name"}


def test_names_that_the_provider_did_not_say() -> None:
    answer = CLIENT.write_answer(Reply(id="", model="", choices=()), asked(chat()), Losses())
    message = read_by_sdk(answer)
    assert (message.id, message.model, message.content) == ("fallback-id", "asked-model", [])


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text(text="x"), {"type": "text", "text": "x", "citations": None}),
        (Refusal(text="no"), {"type": "text", "text": "no", "citations": None}),
        (Thinking(text="hm"), {"type": "thinking", "thinking": "hm", "signature": ""}),
        (
            Thinking(text="hm", signature="s.t", format=Format.GENERATE_CONTENT),
            {"type": "thinking", "thinking": "hm", "signature": "fastgate.generate_content.here.s.t"},
        ),
        (
            Thinking(redacted="d", format=Format.RESPONSES),
            {"type": "redacted_thinking", "data": "fastgate.responses.here.d"},
        ),
        (
            ToolUse(id="t", name="f", arguments="{"),
            {
                "type": "tool_use",
                "id": "t",
                "name": "f",
                "input": {"INVALID_JSON": "{"},
                "caller": {"type": "direct"},
            },
        ),
    ],
)
def test_parts(part: Part, block: dict[str, Any]) -> None:
    assert written(reply(part))["content"] == [block]


def test_what_this_format_cannot_have_is_left_out() -> None:
    foreign = Foreign(format=Format.RESPONSES, kind="x", raw=raw({"type": "x"}))
    assert written(reply(foreign, Audio(source=Source(data="aGk="))))["content"] == []


def test_citations_of_others() -> None:
    cited = (
        Citation(url="https://a.example", title="T", start=0, end=1, format=Format.CHAT),
        Citation(quoted="Q", format=Format.CONVERSE),
    )
    (block,) = written(reply(Text(text="x", citations=cited)))["content"]
    assert block["citations"] == [
        {
            "type": "web_search_result_location",
            "cited_text": "",
            "encrypted_index": "",
            "title": "T",
            "url": "https://a.example",
        }
    ]


def test_seals_of_other_formats_come_back_with_the_next_turn() -> None:
    """Gemini refuses a call whose thought signature is missing."""
    parts: tuple[Part, ...] = (
        Thinking(text="hm", signature="one", format=Format.GENERATE_CONTENT),
        Text(text="x", signature="two"),
        ToolUse(id="t", name="f", arguments="{}", signature="three"),
        Thinking(redacted="four", format=Format.RESPONSES),
        Thinking(text="hm", signature="five", format=Format.MESSAGES),
    )
    content = written(reply(*parts))["content"]
    body = msgspec.json.encode({"messages": [{"role": "assistant", "content": content}]})
    assert CLIENT.read_request(body, None).messages[0].parts == parts


@pytest.mark.parametrize("signature", ["fastgate.x.here.s", "fastgate.chat", "fastgated"])
def test_a_signature_that_only_looks_like_a_carried_seal(signature: str) -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": signature}
    body = msgspec.json.encode({"messages": [{"role": "assistant", "content": [block]}]})
    (part,) = CLIENT.read_request(body, None).messages[0].parts
    assert part == Thinking(text="hm", signature=signature, format=Format.MESSAGES)


def test_every_stop_reason_of_the_sdk_is_known() -> None:
    assert FINISH_OF.keys() == {*get_args(StopReason), *get_args(BetaStopReason)}
    for reason in get_args(StopReason):
        assert STOP_REASON_OF[FINISH_OF[reason]] == reason
    assert read(stop_reason="brand_new").choices[0].finish is Finish.STOP


@pytest.mark.parametrize("finish", Finish)
def test_every_finish_has_a_stop_reason(finish: Finish) -> None:
    assert written(reply(Text(text="x"), finish=finish))["stop_reason"] in get_args(StopReason)


def test_an_answer_that_declines_is_a_refusal() -> None:
    assert written(reply(Refusal(text="no")))["stop_reason"] == "refusal"


def test_usage_of_others() -> None:
    usage = Usage(
        input_tokens=10,
        output_tokens=5,
        cached_input_tokens=4,
        cache_write_tokens=3,
        cache_write_1h_tokens=1,
        reasoning_tokens=2,
        web_searches=2,
        service_tier="default",
    )
    assert written(reply(usage=usage))["usage"] == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 4,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 1},
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 2},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 0},
        "inference_geo": None,
        "service_tier": "standard",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"id":"x"}',
        b'{"content":[{"text":"x"}]}',
        b'{"content":[{"type":"tool_use","id":"a","name":"f","input":[]}]}',
        b'{"type":"error","error":{"type":"api_error","message":"x"}}',
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        PROVIDER.read_answer(body)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"id":"msg_1","content":[{"type":"new"}],"usage":{"input_tokens":3,"output_tokens":4}}',
            (Usage(input_tokens=3, output_tokens=4), "msg_1", 0, ""),
        ),
        (b'{"id":"msg_1","usage":{"input_tokens":-3}}', (None, "msg_1", 0, "")),
        (b'{"input_tokens":12}', (None, None, 0, "")),
        (
            b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
            (None, None, 529, "Overloaded"),
        ),
        (b'{"type":"error","error":{"type":"new_error"}}', (None, None, 500, "")),
        (b"<html>", (None, None, 0, "")),
    ],
)
def test_a_summary(body: bytes, expected: tuple[Usage | None, str | None, int, str]) -> None:
    assert PROVIDER.summary(body) == expected
