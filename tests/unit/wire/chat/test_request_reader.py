"""Requests for chats, as the SDK's types allow them and as gateways take them besides."""

from typing import Any, get_type_hints

import msgspec
import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
    Choosing,
    Conversation,
    Document,
    Effort,
    Foreign,
    Image,
    Message,
    Part,
    Reasoning,
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
    Video,
)
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.chat import CLIENT
from fastgate.wire.chat.request_reader import FunctionConversation
from fastgate.wire.chat.shapes import ChatRequest
from fastgate.wire.interface import raw


def read(*messages: dict[str, Any], **fields: Any) -> Conversation:
    body = {"model": "m", "messages": list(messages) or [{"role": "user", "content": "hi"}], **fields}
    return CLIENT.read_request(msgspec.json.encode(body), None)


def parts_of(message: dict[str, Any]) -> tuple[Part, ...]:
    return read(message).messages[0].parts


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def refusal_of(*messages: dict[str, Any], **fields: Any) -> tuple[str, str | None]:
    with pytest.raises(GatewayError) as caught:
        read(*messages, **fields)
    return caught.value.code, caught.value.param


def test_every_role_in_its_place() -> None:
    conversation = read(
        {"role": "developer", "content": "d"},
        {"role": "system", "content": [{"type": "text", "text": "s"}], "name": "n"},
        {"role": "user", "content": "u", "name": "ann"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
                {"id": "2", "type": "custom", "custom": {"name": "c", "input": "free"}},
                {"id": "3", "type": "function", "function": {"name": "g", "arguments": ""}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "r"},
        {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "r"}]},
    )
    assert conversation.format is Format.CHAT
    assert conversation.messages == (
        Message(role=Role.DEVELOPER, parts=(Text(text="d"),)),
        Message(role=Role.SYSTEM, parts=(Text(text="s"),), name="n"),
        Message(role=Role.USER, parts=(Text(text="u"),), name="ann"),
        Message(
            role=Role.ASSISTANT,
            parts=(
                ToolUse(id="1", name="f", arguments='{"a": 1}'),
                ToolUse(id="2", name="c", arguments="free", custom=True),
                ToolUse(id="3", name="g", arguments="{}"),
            ),
        ),
        Message(role=Role.USER, parts=(ToolResult(id="1", parts=(Text(text="r"),)),)),
        Message(role=Role.USER, parts=(ToolResult(id="2", parts=(Text(text="r"),)),)),
    )


@pytest.mark.parametrize(
    ("part", "read_as"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            Image(source=Source(media_type="image/png", data="AA=="), detail="low"),
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://h/i.png"}},
            Image(source=Source(url="https://h/i.png")),
        ),
        ({"type": "image_url", "image_url": "https://h/i"}, Image(source=Source(url="https://h/i"))),
        (
            {"type": "image_url", "image_url": {"url": "data:text/plain,a%20b"}},
            Image(source=Source(media_type="text/plain", data="YSBi")),
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
            Audio(source=Source(media_type="audio/mpeg", data="AA==")),
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "f"}},
            Document(source=Source(media_type="application/pdf", data="AA=="), title="f"),
        ),
        ({"type": "file", "file": {"file_data": "AA=="}}, Document(source=Source(data="AA=="))),
        ({"type": "file", "file": {"file_id": "file-1"}}, Document(source=Source(file_id="file-1"))),
        ({"type": "video_url", "video_url": {"url": "https://h/v"}}, Video(source=Source(url="https://h/v"))),
        (
            {"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}},
            Text(text="t", cache=CacheFor.DEFAULT),
        ),
        (
            {"type": "text", "text": "t", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text(text="t", cache=CacheFor.ONE_HOUR),
        ),
        (
            {"type": "text", "text": "t", "prompt_cache_breakpoint": {"mode": "explicit"}},
            Text(text="t", cache=CacheFor.DEFAULT),
        ),
        (
            {"type": "hologram", "depth": [1, 2]},
            Foreign(format=Format.CHAT, kind="hologram", raw=raw({"type": "hologram", "depth": [1, 2]})),
        ),
    ],
)
def test_parts(part: dict[str, Any], read_as: Part) -> None:
    assert parts_of(user(part)) == (read_as,)


def test_a_message_can_be_marked_and_so_can_results() -> None:
    marked = {"type": "ephemeral", "ttl": "5m"}
    assert parts_of({"role": "user", "content": "t", "cache_control": marked}) == (
        Text(text="t", cache=CacheFor.FIVE_MINUTES),
    )
    part = {"type": "text", "text": "r", "cache_control": marked}
    assert parts_of({"role": "tool", "tool_call_id": "1", "content": [part]}) == (
        ToolResult(id="1", parts=(Text(text="r"),), cache=CacheFor.FIVE_MINUTES),
    )


def test_what_an_assistant_thought_and_refused() -> None:
    google = {"google": {"thought_signature": "sig"}}
    assert parts_of(
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "t"}, {"type": "refusal", "refusal": "no"}],
            "reasoning_content": "thought, thought",
            "thinking_blocks": [
                {"type": "thinking", "thinking": "thought", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "thinking", "thinking": "thought", "signature": "fastgate.converse.here.c"},
                {"type": "thinking", "thinking": "", "signature": "fastgate.generate_content.ahead.g"},
            ],
            "refusal": "never",
            "audio": {"id": "audio_1"},
            "tool_calls": [
                {
                    "id": "1",
                    "type": "function",
                    "function": {"name": "f", "arguments": "{}"},
                    "extra_content": google,
                }
            ],
        }
    ) == (
        Thinking(text="thought", signature="s", format=Format.MESSAGES),
        Thinking(redacted="d", format=Format.MESSAGES),
        Thinking(text="thought", signature="c", format=Format.CONVERSE),
        Text(text="t", signature="g"),
        Refusal(text="no"),
        Refusal(text="never"),
        Foreign(format=Format.CHAT, kind="audio", raw=raw({"id": "audio_1"})),
        ToolUse(id="1", name="f", arguments="{}", signature="sig"),
    )
    for field in ("reasoning_content", "reasoning"):
        assert parts_of({"role": "assistant", "content": "t", field: "thought"}) == (
            Thinking(text="thought", format=Format.CHAT),
            Text(text="t"),
        )


def test_functions_of_old_are_tools() -> None:
    conversation = read(
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "r"},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": None},
        functions=[{"name": "f", "parameters": {"type": "object"}}],
        function_call={"name": "f"},
    )
    assert isinstance(conversation, FunctionConversation)
    assert conversation.tools == (Tool(name="f", parameters=raw({"type": "object"})),)
    assert conversation.tool_choice == ToolChoice(choosing=Choosing.REQUIRED, names=("f",))
    assert conversation.parallel_tools is False
    calls = [part for message in conversation.messages for part in message.parts if isinstance(part, ToolUse)]
    results = [
        part for message in conversation.messages for part in message.parts if isinstance(part, ToolResult)
    ]
    assert [call.id for call in calls] == [result.id for result in results]
    assert calls[0].id != calls[1].id
    assert [result.name for result in results] == ["f", "f"]


def test_tools() -> None:
    grammar = {"type": "grammar", "grammar": {"definition": "a", "syntax": "lark"}}
    foreign = {"type": "web_search", "x": 1}
    conversation = read(
        tools=[
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object"},
                    "strict": True,
                },
                "cache_control": {"type": "ephemeral"},
            },
            {"type": "function", "function": {"name": "g"}},
            {"type": "custom", "custom": {"name": "c", "format": grammar}},
            foreign,
        ]
    )
    assert conversation.tools == (
        Tool(
            name="f",
            description="d",
            parameters=raw({"type": "object"}),
            strict=True,
            cache=CacheFor.DEFAULT,
        ),
        Tool(name="g"),
        Tool(name="c", parameters=raw(grammar), custom=True),
        Foreign(format=Format.CHAT, kind="web_search", raw=raw(foreign)),
    )


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        ("auto", ToolChoice(choosing=Choosing.AUTO)),
        ("none", ToolChoice(choosing=Choosing.NONE)),
        ("required", ToolChoice(choosing=Choosing.REQUIRED)),
        ("any", ToolChoice(choosing=Choosing.REQUIRED)),
        (
            {"type": "function", "function": {"name": "f"}},
            ToolChoice(choosing=Choosing.REQUIRED, names=("f",)),
        ),
        ({"type": "custom", "custom": {"name": "c"}}, ToolChoice(choosing=Choosing.REQUIRED, names=("c",))),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [
                        {"type": "function", "function": {"name": "f"}},
                        {"type": "custom", "custom": {"name": "c"}},
                    ],
                },
            },
            ToolChoice(choosing=Choosing.AUTO, names=("f", "c")),
        ),
    ],
)
def test_choices_of_tools(choice: Any, read_as: ToolChoice) -> None:
    assert read(tool_choice=choice).tool_choice == read_as


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"max_completion_tokens": 5, "max_tokens": 5}, "max_output_tokens", 5),
        ({"max_tokens": 6}, "max_output_tokens", 6),
        ({"stop": "a"}, "stop", ("a",)),
        ({"stop": ["a", "b"]}, "stop", ("a", "b")),
        ({"stop": None}, "stop", ()),
        ({"temperature": 1}, "temperature", 1.0),
        ({"top_k": 5}, "top_k", 5),
        ({"logit_bias": {"50256": -100}}, "logit_bias", {"50256": -100.0}),
        ({"response_format": {"type": "text"}}, "output_schema", None),
        ({"response_format": {"type": "json_object"}}, "output_schema", Schema()),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
            "output_schema",
            Schema(schema=raw({}), name="n"),
        ),
        ({"reasoning_effort": "none"}, "reasoning", Reasoning(effort=Effort.NONE)),
        ({"reasoning_effort": "max"}, "reasoning", Reasoning(effort=Effort.MAX)),
        ({"reasoning_effort": None}, "reasoning", None),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048}},
            "reasoning",
            Reasoning(budget_tokens=2048),
        ),
        (
            {"thinking": {"type": "adaptive", "display": "summarized"}, "reasoning_effort": "low"},
            "reasoning",
            Reasoning(effort=Effort.LOW, adaptive=True, shown=True),
        ),
        ({"thinking": {"type": "disabled"}}, "reasoning", Reasoning(off=True)),
        ({"metadata": {"a": "b"}}, "metadata", {"a": "b"}),
        ({"safety_identifier": "u"}, "user", "u"),
        ({"parallel_tool_calls": False}, "parallel_tools", False),
        (
            {"provider_options": {"anthropic": {"top_k": 3}}},
            "options",
            {"anthropic": {"top_k": msgspec.Raw(b"3")}},
        ),
    ],
)
def test_fields(fields: dict[str, Any], name: str, value: Any) -> None:
    conversation = read(**fields)
    assert getattr(conversation, name) == value
    assert not conversation.extra


def test_what_has_no_neutral_meaning_is_kept_as_written() -> None:
    body = b'{"model":"m","messages":[],"prediction": {"type" : "content"},"min_p":0.10,"stream":true}'
    extra = CLIENT.read_request(body, None).extra
    assert {name: bytes(value) for name, value in extra.items()} == {
        "prediction": b'{"type" : "content"}',
        "min_p": b"0.10",
    }


def test_every_field_of_the_sdk_is_read_or_kept() -> None:
    fields = set(get_type_hints(CompletionCreateParamsBase))
    unread = fields - set(ChatRequest.__struct_fields__)
    assert not read(**dict.fromkeys(unread)).extra
    kept = read(**{name: {} for name in unread}).extra
    assert set(kept) == {
        "audio",
        "modalities",
        "moderation",
        "prediction",
        "prompt_cache_options",
        "prompt_cache_retention",
        "web_search_options",
    }


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"role": "wizard", "content": "x"}, "messages[0].role"),
        ({"role": "user", "content": 7}, "messages[0].content"),
        ({"role": "user", "content": [{"type": "text", "text": 7}]}, "messages[0].content[0].text"),
        ({"role": "user", "content": [{"text": "no type"}]}, "messages[0].content[0].type"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "tool", "content": "x"}, "messages[0].tool_call_id"),
        ({"role": "function", "content": "x"}, "messages[0].name"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0].text"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "messages[0].content[0].image_url"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "messages[0].content[0].input_audio"),
        ({"role": "user", "content": [{"type": "file"}]}, "messages[0].content[0].file"),
        (
            {"role": "user", "content": [{"type": "file", "file": {}}]},
            "messages[0].content[0].file.file_data",
        ),
        ({"role": "user", "content": [{"type": "video_url"}]}, "messages[0].content[0].video_url"),
        ({"role": "assistant", "content": [{"type": "refusal"}]}, "messages[0].content[0].refusal"),
        ({"role": "assistant", "tool_calls": [{"id": "1"}]}, "messages[0].tool_calls[0].function"),
        ({"role": "assistant", "tool_calls": [{"type": "function"}]}, "messages[0].tool_calls[0].id"),
    ],
)
def test_a_message_that_is_refused(message: dict[str, Any], param: str) -> None:
    code, named = refusal_of(message)
    assert code in ("missing_field", "invalid_field")
    assert named == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "custom"}]}, "tools[0].custom"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools"),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{}]}}},
            "tool_choice.allowed_tools.tools[0].function",
        ),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"reasoning_effort": "heroic"}, "reasoning_effort"),
        ({"thinking": {"type": "hard"}}, "thinking.type"),
        ({"messages": None}, "messages"),
    ],
)
def test_a_field_that_is_refused(fields: dict[str, Any], param: str) -> None:
    code, named = refusal_of(**fields)
    assert code in ("missing_field", "invalid_field")
    assert named == param
