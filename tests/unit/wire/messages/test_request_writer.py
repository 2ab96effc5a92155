"""Requests of other formats written for the Messages API: what becomes of each wish, what is named lost."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.conversations import SCALARS, Feature, Says, conversations
from tests.support.messages_requests import chat, raw, says, user, written
from tests.support.wire_targets import target

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
    Choosing,
    Citation,
    Conversation,
    Document,
    Foreign,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Schema,
    Source,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
)
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.interface import Losses
from fastgate.wire.messages import PROVIDER

MODELS = ("claude-3-5-haiku-20241022", "claude-sonnet-4-5", "claude-opus-4-6", "claude-fable-5-2", "an-alias")


def content_of(*parts: Part, format: Format = Format.CHAT) -> tuple[Any, list[str]]:
    body, lost = written(Conversation(format=format, messages=(user(*parts),)))
    return body["messages"][0]["content"] if body["messages"] else None, lost


@given(conversations(Says(Format.CHAT, list(Feature), SCALARS)), st.sampled_from(MODELS))
def test_whatever_a_client_says_is_a_valid_request(request: Conversation, model: str) -> None:
    body, _ = written(request, model)
    roles = [message["role"] for message in body["messages"]]
    assert all(one != other for one, other in pairwise(roles))
    assert "system" not in roles
    marks = msgspec.json.encode(body).count(b'"cache_control"')
    assert marks <= 4
    thinking = body.get("thinking", {})
    if thinking.get("type") == "enabled":
        assert 1024 <= thinking["budget_tokens"] < body["max_tokens"]
    if thinking.get("type") in ("enabled", "adaptive"):
        assert body.get("temperature", 1) == 1
        assert body.get("tool_choice", {}).get("type", "auto") in ("auto", "none")


def test_a_plain_request() -> None:
    request = chat(
        says(Role.SYSTEM, "Be brief."),
        user("Hello"),
        says(Role.ASSISTANT, "Hi!"),
        user("Bye"),
        temperature=0.5,
        top_k=5,
        stop=("END",),
        user="u-1",
        max_output_tokens=100,
    )
    assert written(request) == (
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 100,
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hi!"},
                {"role": "user", "content": "Bye"},
            ],
            "temperature": 0.5,
            "top_k": 5,
            "stop_sequences": ["END"],
            "metadata": {"user_id": "u-1"},
        },
        [],
    )


def test_a_stream_is_asked_for() -> None:
    assert PROVIDER.write_request(chat(), target(stream=True), Losses())["stream"] is True


@pytest.mark.parametrize(
    ("wanted", "cap", "sent"),
    [(None, None, 4096), (50, None, 50), (50, 20, 20), (None, 20, 20), (10, 20, 10)],
)
def test_the_cap_on_the_answer(wanted: int | None, cap: int | None, sent: int) -> None:
    assert written(chat(max_output_tokens=wanted), cap=cap)[0]["max_tokens"] == sent


def test_system_messages_of_others_go_in_front() -> None:
    request = chat(
        says(Role.SYSTEM, "One."),
        says(Role.DEVELOPER, "Two."),
        user("a"),
        says(Role.SYSTEM, "Three."),
        user("b"),
    )
    body, lost = written(request)
    assert [block["text"] for block in body["system"]] == ["One.", "Two.", "Three."]
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]
    assert lost == []


def test_results_come_first_and_in_one_message() -> None:
    request = chat(
        user("go"),
        says(
            Role.ASSISTANT,
            ToolUse(id="call.1:x", name="f", arguments=""),
            ToolUse(id="b", name="f", arguments='{"a": 1}'),
        ),
        user(ToolResult(id="call.1:x", parts=(Text(text="one"),))),
        user("and then?", ToolResult(id="b", parts=(), is_error=True)),
    )
    body, lost = written(request)
    asked, answered = body["messages"][1]["content"], body["messages"][2]["content"]
    assert [block["input"] for block in asked] == [{}, {"a": 1}]
    id_ = asked[0]["id"]
    assert id_.replace("_", "").isalnum()
    assert answered == [
        {"type": "tool_result", "tool_use_id": id_, "content": "one"},
        {"type": "tool_result", "tool_use_id": "b", "is_error": True},
        {"type": "text", "text": "and then?"},
    ]
    assert lost == []


def test_ids_that_differ_stay_different() -> None:
    uses = tuple(ToolUse(id=id_, name="f", arguments="{}") for id_ in ("a.b", "a:b", "a_b"))
    body, _ = written(chat(user("go"), says(Role.ASSISTANT, *uses)))
    assert len({block["id"] for block in body["messages"][1]["content"]}) == 3


def test_arguments_that_are_no_object_are_wrapped() -> None:
    body, _ = written(chat(user("go"), says(Role.ASSISTANT, ToolUse(id="a", name="f", arguments='{"a": '))))
    assert body["messages"][1]["content"][0]["input"] == {"INVALID_JSON": '{"a": '}


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            Image(source=Source(media_type="image/png", data="aGk=")),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        ),
        (
            Image(source=Source(data="/9j/4AAQ")),
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}},
        ),
        (
            Image(source=Source(url="https://a.example/b.png")),
            {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
        ),
        (
            Document(
                source=Source(media_type="application/pdf", data="aGk="), title="T", context="C", cite=True
            ),
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
                "title": "T",
                "context": "C",
                "citations": {"enabled": True},
            },
        ),
        (
            Document(source=Source(media_type="text/markdown", data="aGk=")),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
        ),
        (
            Document(source=Source(text="hi")),
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hi"}},
        ),
    ],
)
def test_media(part: Part, block: dict[str, Any]) -> None:
    assert content_of(part) == ([block], [])


@pytest.mark.parametrize(
    "part",
    [
        Image(source=Source(media_type="image/bmp", data="aGk=")),
        Image(source=Source(data="AAAA")),
        Image(source=Source(file_id="file-1")),
        Document(source=Source(media_type="application/msword", data="aGk=")),
        Document(source=Source(media_type="text/plain", data="/w==")),
        Document(source=Source(file_id="file-1")),
        Audio(source=Source(media_type="audio/wav", data="aGk=")),
        Thinking(text="hm", signature="s", format=Format.CONVERSE),
        Thinking(text="hm", format=Format.MESSAGES),
        Foreign(format=Format.RESPONSES, kind="item", raw=raw({"type": "item"})),
    ],
)
def test_what_has_no_words_here_is_named(part: Part) -> None:
    assert content_of(Text(text="x"), part) == ("x", ["messages[0].content[1]"])


def test_what_is_lost_of_a_part_is_named() -> None:
    cited = Text(text="x", citations=(Citation(url="https://a.example", format=Format.CHAT),))
    image = Image(source=Source(url="https://a.example"), detail="high")
    sound = ToolResult(id="a", parts=(Text(text="y"), Audio(source=Source(data="aGk="))))
    _, lost = content_of(sound, cited, image)
    assert lost == [
        "messages[0].content[0].content[1]",
        "messages[0].content[1].citations",
        "messages[0].content[2].detail",
    ]


def test_names_of_participants_are_named_lost() -> None:
    body, lost = written(chat(Message(role=Role.USER, parts=(Text(text="a"),), name="Ann"), user("b")))
    assert len(body["messages"]) == 1
    assert lost == ["messages[0].name"]


def test_white_space_is_left_out() -> None:
    request = chat(
        user("go"), says(Role.ASSISTANT, "", ToolUse(id="a", name="f", arguments="{}")), user(" \n")
    )
    body, lost = written(request)
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]
    assert len(body["messages"]) == 2
    assert lost == []


def test_an_answer_to_go_on_with_ends_without_white_space() -> None:
    body, _ = written(chat(user("go"), says(Role.ASSISTANT, "One, two, ")))
    assert body["messages"][1]["content"] == "One, two,"


def test_a_refusal_is_what_the_model_said() -> None:
    body, lost = written(chat(user("go"), says(Role.ASSISTANT, Refusal(text="No.")), user("please")))
    assert body["messages"][1]["content"] == "No."
    assert lost == []


def test_tools() -> None:
    tools = (
        Tool(name="f", description="F.", parameters=raw({"properties": {"a": {}}}), strict=False),
        Tool(name="g", cache=CacheFor.ONE_HOUR),
        Tool(name="h", custom=True),
        Foreign(format=Format.RESPONSES, kind="web_search", raw=raw({"type": "web_search"})),
    )
    body, lost = written(chat(tools=tools))
    assert body["tools"] == [
        {"name": "f", "description": "F.", "input_schema": {"type": "object", "properties": {"a": {}}}},
        {
            "name": "g",
            "input_schema": {"type": "object", "properties": {}},
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
    ]
    assert lost == ["tools[2]", "tools[3]"]


@pytest.mark.parametrize(
    ("schema", "model", "lost"),
    [
        ({"type": "object", "properties": {}, "additionalProperties": False}, "claude-sonnet-4-5", []),
        ({"type": "object", "properties": {"a": {"minimum": 1}}}, "claude-sonnet-4-5", ["tools[0].strict"]),
        ({"type": "object", "properties": {}}, "claude-3-7-sonnet-latest", ["tools[0].strict"]),
    ],
)
def test_strict_tools_where_they_can_be(schema: dict[str, Any], model: str, lost: list[str]) -> None:
    body, names = written(chat(tools=(Tool(name="f", parameters=raw(schema), strict=True),)), model)
    assert names == lost
    assert ("strict" in body["tools"][0]) is not bool(lost)
    assert body["tools"][0]["input_schema"] == schema


@pytest.mark.parametrize(
    ("choice", "parallel", "said", "shown"),
    [
        (None, None, None, "fg"),
        (None, True, None, "fg"),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}, "fg"),
        (ToolChoice(choosing=Choosing.AUTO), None, {"type": "auto"}, "fg"),
        (ToolChoice(choosing=Choosing.NONE), False, {"type": "none"}, "fg"),
        (
            ToolChoice(choosing=Choosing.REQUIRED),
            True,
            {"type": "any", "disable_parallel_tool_use": False},
            "fg",
        ),
        (ToolChoice(choosing=Choosing.REQUIRED, names=("g",)), None, {"type": "tool", "name": "g"}, "fg"),
        (ToolChoice(choosing=Choosing.AUTO, names=("g",)), None, {"type": "auto"}, "g"),
        (ToolChoice(choosing=Choosing.REQUIRED, names=("g", "f")), None, {"type": "any"}, "fg"),
    ],
)
def test_the_choice_of_tools(
    choice: ToolChoice | None, parallel: bool | None, said: dict[str, Any] | None, shown: str
) -> None:
    tools = (Tool(name="f"), Tool(name="g"))
    body, lost = written(chat(tools=tools, tool_choice=choice, parallel_tools=parallel))
    assert body.get("tool_choice") == said
    assert "".join(tool["name"] for tool in body["tools"]) == shown
    assert lost == []


def test_a_choice_without_tools_is_lost() -> None:
    body, lost = written(chat(tool_choice=ToolChoice(choosing=Choosing.REQUIRED)))
    assert "tool_choice" not in body
    assert lost == ["tool_choice"]


def test_a_schema_for_the_output() -> None:
    schema = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1},
            "kind": {"oneOf": [{"const": "a"}, {"const": "b"}]},
            "when": {"type": "string", "format": "date"},
        },
        "required": ["n"],
    }
    body, lost = written(chat(output_schema=Schema(schema=raw(schema), name="thing", strict=True)))
    assert body["output_config"]["format"] == {
        "type": "json_schema",
        "schema": {
            "type": "object",
            "properties": {
                "n": {"type": "integer"},
                "kind": {"anyOf": [{"const": "a"}, {"const": "b"}]},
                "when": {"type": "string", "format": "date"},
            },
            "required": ["n"],
            "additionalProperties": False,
        },
    }
    assert lost == ["response_format.minimum"]


@pytest.mark.parametrize(
    ("schema", "model"), [(None, "claude-sonnet-4-5"), (raw({"type": "object"}), "claude-sonnet-4-20250514")]
)
def test_output_that_cannot_be_asked_for(schema: msgspec.Raw | None, model: str) -> None:
    body, lost = written(chat(output_schema=Schema(schema=schema)), model)
    assert "output_config" not in body
    assert lost == ["response_format"]


@pytest.mark.parametrize(
    ("fields", "model", "sent", "lost"),
    [
        ({"temperature": 1.7}, "claude-sonnet-4-5", {"temperature": 1.0}, ["temperature"]),
        ({"temperature": 0.2, "top_p": 0.9}, "claude-sonnet-4-5", {"temperature": 0.2}, ["top_p"]),
        ({"top_p": 0.9}, "claude-sonnet-4-5", {"top_p": 0.9}, []),
        (
            {"temperature": 0.2, "top_p": 0.5, "top_k": 3},
            "claude-opus-4-7",
            {},
            ["temperature", "top_p", "top_k"],
        ),
        ({"temperature": 1, "top_p": 1}, "claude-opus-4-7", {}, []),
    ],
)
def test_sampling(fields: dict[str, Any], model: str, sent: dict[str, Any], lost: list[str]) -> None:
    body, names = written(chat(**fields), model)
    assert {name: body[name] for name in ("temperature", "top_p", "top_k") if name in body} == sent
    assert names == lost


def test_fields_without_a_word_are_named() -> None:
    request = chat(
        frequency_penalty=0.5,
        presence_penalty=0,
        seed=0,
        n=1,
        logprobs=False,
        logit_bias={"1": 2.0},
        metadata={"a": "b"},
        store=False,
        service_tier="flex",
        stop=("x", " "),
    )
    body, lost = written(request)
    assert body["stop_sequences"] == ["x"]
    assert sorted(lost) == ["frequency_penalty", "logit_bias", "metadata", "seed", "service_tier", "stop"]


@pytest.mark.parametrize(
    ("tier", "sent"), [("auto", "auto"), ("priority", "auto"), ("default", "standard_only")]
)
def test_service_tiers(tier: str, sent: str) -> None:
    assert written(chat(service_tier=tier))[0]["service_tier"] == sent


def test_of_too_many_cache_markers_the_last_stay() -> None:
    marked = [Text(text=str(number), cache=CacheFor.DEFAULT) for number in range(6)]
    content, lost = content_of(*marked)
    assert ["cache_control" in block for block in content] == [False, False, True, True, True, True]
    assert lost == ["cache_control"]


def test_what_was_written_for_this_api_stays_as_it_was() -> None:
    """Between Anthropic's API and Bedrock's InvokeModel."""
    search = raw(
        {"type": "web_search_20250305", "name": "web_search", "cache_control": {"type": "ephemeral"}}
    )
    result = raw({"type": "search_result", "source": "s", "title": "t", "content": []})
    request = Conversation(
        format=Format.INVOKE,
        messages=(
            user("a"),
            says(Role.SYSTEM, "From now on."),
            says(Role.ASSISTANT, Thinking(text="hm", signature="s", format=Format.MESSAGES), "b"),
            user(Foreign(format=Format.INVOKE, kind="search_result", raw=result)),
        ),
        tools=(
            Foreign(format=Format.INVOKE, kind="web_search_20250305", raw=search),
            Tool(name="f", extra={"defer_loading": raw(True)}),
        ),
        extra={"container": raw("c-1"), "anthropic_beta": raw(["b-1"]), "output_config": raw({"task": 1})},
    )
    losses = Losses()
    body = msgspec.json.decode(
        msgspec.json.encode(PROVIDER.write_request(request, target("an-alias"), losses))
    )
    assert [message["role"] for message in body["messages"]] == ["user", "system", "assistant", "user"]
    assert body["messages"][2]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "s"}
    assert body["messages"][3]["content"] == [msgspec.json.decode(result)]
    assert body["tools"][0] == msgspec.json.decode(search)
    assert body["tools"][1]["defer_loading"] is True
    assert body["container"] == "c-1"
    assert body["output_config"] == {"task": 1}
    assert losses.names == ["anthropic_beta"]


def test_a_schema_that_is_nested_too_deeply() -> None:
    schema = msgspec.Raw(b'{"anyOf":[' * 900 + b"{}" + b"]}" * 900)
    with pytest.raises(GatewayError, match="nested too deeply"):
        written(chat(output_schema=Schema(schema=schema)))
