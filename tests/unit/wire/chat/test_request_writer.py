"""Conversations of any format, written for servers of chat completions; the SDK's types judge the bodies."""

from typing import Any

import pytest
from tests.support.chat_schema import checked_request
from tests.support.wire_targets import target

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
from fastgate.wire.chat import PROVIDER
from fastgate.wire.interface import Losses, Target, raw

HI = Message(role=Role.USER, parts=(Text(text="hi"),))


def write(
    *messages: Message, to: Target | None = None, of: Format = Format.MESSAGES, **fields: Any
) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    conversation = Conversation(format=of, messages=messages or (HI,), **fields)
    return PROVIDER.write_request(conversation, to or target(), losses), losses.names


def checked(*messages: Message, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    body, lost = write(*messages, **fields)
    return checked_request(body), lost


def user(*parts: Part) -> Message:
    return Message(role=Role.USER, parts=parts)


def assistant(*parts: Part) -> Message:
    return Message(role=Role.ASSISTANT, parts=parts)


def test_a_whole_conversation() -> None:
    body, lost = checked(
        Message(role=Role.SYSTEM, parts=(Text(text="be"), Text(text="kind"))),
        Message(role=Role.DEVELOPER, parts=(Text(text="and brief"),)),
        user(Text(text="look"), Image(source=Source(media_type="image/png", data="AA=="), detail="high")),
        assistant(
            Text(text="I "),
            Text(text="look."),
            ToolUse(id="1", name="f", arguments='{"a":1}'),
            ToolUse(id="2", name="c", arguments="free", custom=True),
        ),
        user(
            ToolResult(id="1", parts=(Text(text="a"), Text(text="b"))),
            ToolResult(id="2", parts=(Text(text="seen"), Image(source=Source(url="https://h/i")))),
            Text(text="go on"),
        ),
        tools=(Tool(name="f", parameters=raw({"type": "object"})), Tool(name="c", custom=True)),
    )
    assert not lost
    assert body["messages"] == [
        {"role": "system", "content": "be\nkind"},
        {"role": "system", "content": "and brief"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "high"}},
            ],
        },
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "2", "type": "custom", "custom": {"name": "c", "input": "free"}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "a\nb"},
        {"role": "tool", "tool_call_id": "2", "content": "seen"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://h/i"}},
                {"type": "text", "text": "go on"},
            ],
        },
    ]
    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}},
        {"type": "custom", "custom": {"name": "c"}},
    ]


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (
            Document(source=Source(media_type="application/pdf", data="AA=="), title="t.pdf"),
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "t.pdf"},
            },
        ),
        (
            Document(source=Source(data="AA==")),
            {
                "type": "file",
                "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "document.pdf"},
            },
        ),
        (Document(source=Source(text="plain")), {"type": "text", "text": "plain"}),
        (Document(source=Source(media_type="text/csv", data="YSxi")), {"type": "text", "text": "a,b"}),
        (
            Document(source=Source(media_type="text/plain", data="/w=="), title="t"),  # no UTF-8
            {"type": "file", "file": {"file_data": "data:text/plain;base64,/w==", "filename": "t"}},
        ),
        (
            Audio(source=Source(media_type="audio/wav", data="AA==")),
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        ),
    ],
)
def test_files(part: Part, written: dict[str, Any]) -> None:
    body, lost = checked(user(part, Image(source=Source(url="https://h/i"))))
    assert not lost
    assert body["messages"][0]["content"][0] == written


def test_video_goes_as_some_servers_take_it() -> None:
    body, lost = write(user(Video(source=Source(data="AA=="))))
    assert not lost
    assert body["messages"][0]["content"] == [
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AA=="}}
    ]


@pytest.mark.parametrize(
    "part",
    [
        Document(source=Source(url="https://h/d.pdf")),
        Document(source=Source(file_id="file_1")),
        Image(source=Source(file_id="file_1")),
        Audio(source=Source(media_type="audio/basic", data="AA==")),
        Audio(source=Source(media_type="audio/wav", url="https://h/a")),
        Video(source=Source(file_id="file_1")),
        Foreign(format=Format.MESSAGES, kind="search_result", raw=raw({})),
    ],
)
def test_a_part_that_cannot_be_said_is_named(part: Part) -> None:
    body, lost = checked(user(Text(text="a"), part))
    assert lost == ["messages[0].content[1]"]
    assert body["messages"] == [{"role": "user", "content": "a"}]


def test_what_a_part_says_besides_is_named() -> None:
    document = Document(source=Source(data="AA=="), context="c", cite=True)
    body, lost = checked(
        user(document),
        assistant(
            Thinking(text="t", signature="s", format=Format.MESSAGES),
            Thinking(redacted="r", format=Format.MESSAGES),
            Text(text="a", cache=CacheFor.DEFAULT),
            Image(source=Source(data="AA==")),
            ToolUse(id="1", name="f", arguments="{}", signature="g"),
        ),
        user(ToolResult(id="1", parts=(), is_error=True)),
    )
    assert sorted(lost) == [
        "messages[0].content[0].citations",
        "messages[0].content[0].context",
        "messages[1].content[0]",
        "messages[1].content[1]",
        "messages[1].content[2].cache_control",
        "messages[1].content[3]",
        "messages[1].content[4].thought_signature",
        "messages[2].content[0].is_error",
    ]
    assert body["messages"][2] == {"role": "tool", "tool_call_id": "1", "content": ""}


def test_what_comes_back_to_its_own_format() -> None:
    file = Foreign(format=Format.CHAT, kind="hologram", raw=raw({"type": "hologram"}))
    tool = Foreign(format=Format.CHAT, kind="web_search", raw=raw({"type": "web_search"}))
    body, lost = write(
        user(file, Document(source=Source(file_id="file-1"))),
        assistant(
            Thinking(text="t", format=Format.CHAT),
            Refusal(text="no"),
            Foreign(format=Format.CHAT, kind="audio", raw=raw({"id": "a"})),
        ),
        of=Format.CHAT,
        tools=(tool,),
        store=True,
        metadata={"a": "b"},
    )
    assert not lost
    assert body["messages"] == [
        {"role": "user", "content": [file.raw, {"type": "file", "file": {"file_id": "file-1"}}]},
        {
            "role": "assistant",
            "content": None,
            "audio": raw({"id": "a"}),
            "reasoning_content": "t",
            "refusal": "no",
        },
    ]
    assert body["tools"] == [tool.raw]
    assert (body["store"], body["metadata"]) == (True, {"a": "b"})


def test_messages_without_content_are_left_out_but_the_users_turn_stays() -> None:
    empty = Text(text="")
    nothing = Document(source=Source(url="https://h/d.pdf"))
    body, lost = checked(Message(role=Role.SYSTEM, parts=(empty,)), HI, assistant(empty), user(nothing))
    assert lost == ["messages[3].content[0]"]
    assert body["messages"] == [{"role": "user", "content": "hi"}, {"role": "user", "content": ""}]


@pytest.mark.parametrize(
    ("model", "mark"),
    [
        ("gpt-5.6", {"prompt_cache_breakpoint": {"mode": "explicit"}}),
        ("anthropic/claude-opus-4.6", {"cache_control": {"type": "ephemeral", "ttl": "1h"}}),
        ("gpt-5.5", {}),
        ("llama-4", {}),
    ],
)
def test_cache_markers_go_to_models_that_take_them(model: str, mark: dict[str, Any]) -> None:
    body, lost = write(
        user(Text(text="a", cache=CacheFor.ONE_HOUR)),
        assistant(ToolUse(id="1", name="f", arguments="{}")),
        user(ToolResult(id="1", parts=(Text(text="r"),), cache=CacheFor.ONE_HOUR)),
        to=target(model),
    )
    places = ("messages[0].content[0]", "messages[2].content[0]")
    assert lost == ([] if mark else [f"{place}.cache_control" for place in places])
    first, _, result = body["messages"]
    assert first["content"] == ([{"type": "text", "text": "a", **mark}] if mark else "a")
    assert result["content"] == ([{"type": "text", "text": "r", **mark}] if mark else "r")


@pytest.mark.parametrize(("model", "kept"), [("gemini-3-pro", True), ("gpt-6", False)])
def test_thought_signatures_go_back_to_googles_models(model: str, kept: bool) -> None:
    body, lost = write(
        HI, assistant(ToolUse(id="1", name="f", arguments="{}", signature="g")), to=target(model)
    )
    call = body["messages"][1]["tool_calls"][0]
    assert call.get("extra_content") == ({"google": {"thought_signature": "g"}} if kept else None)
    assert lost == ([] if kept else ["messages[1].content[0].thought_signature"])


@pytest.mark.parametrize(
    ("to", "fields", "expected"),
    [
        (target(stream=True), {}, {"stream": True, "stream_options": {"include_usage": True}}),
        (target(stream=True)._replace(ask_usage=False), {}, {"stream": True}),
        (target(), {"max_output_tokens": 5}, {"max_tokens": 5}),
        (
            target(cap=3)._replace(output_cap="max_completion_tokens"),
            {"max_output_tokens": 5},
            {"max_completion_tokens": 3},
        ),
        (target(cap=3), {}, {"max_tokens": 3}),
        (target(), {"stop": ("a", "b")}, {"stop": ["a", "b"]}),
        (target(), {"temperature": 0.0, "top_p": 1.0, "seed": 0}, {"temperature": 0, "top_p": 1, "seed": 0}),
        (target(), {"output_schema": Schema()}, {"response_format": {"type": "json_object"}}),
        (
            target(),
            {"output_schema": Schema(schema=raw({"type": "object"}), strict=True)},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
                }
            },
        ),
        (target("gpt-5"), {"reasoning": Reasoning(effort=Effort.LOW)}, {"reasoning_effort": "low"}),
        (target("gpt-4o"), {"reasoning": Reasoning(effort=Effort.NONE)}, {}),
        (target("o3"), {"reasoning": Reasoning(adaptive=True)}, {}),
        (target("gpt-4o"), {"reasoning": Reasoning(off=True)}, {}),
        (target(), {"service_tier": "flex"}, {"service_tier": "flex"}),
        (target(), {"service_tier": "auto"}, {"service_tier": "auto"}),
        (target(), {"tool_choice": ToolChoice(choosing=Choosing.AUTO), "parallel_tools": True}, {}),
    ],
)
def test_fields(to: Target, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    body, lost = checked(to=to, **fields)
    assert not lost
    assert body == {"model": to.model, "messages": [{"role": "user", "content": "hi"}], **expected}


@pytest.mark.parametrize(
    ("model", "fields", "effort", "named"),
    [
        ("o3", {"reasoning": Reasoning(budget_tokens=1_024)}, "low", ["thinking.budget_tokens"]),
        ("o3", {"reasoning": Reasoning(budget_tokens=8_000)}, "medium", ["thinking.budget_tokens"]),
        ("o3", {"reasoning": Reasoning(budget_tokens=32_000)}, "high", ["thinking.budget_tokens"]),
        ("gpt-4o", {"reasoning": Reasoning(effort=Effort.HIGH)}, None, ["thinking"]),
        ("o3", {"reasoning": Reasoning(off=True)}, None, ["thinking"]),
        ("m", {"top_k": 3}, None, ["top_k"]),
        ("m", {"service_tier": "standard_only"}, None, ["service_tier"]),
        ("m", {"metadata": {"a": "b"}, "store": True}, None, ["store", "metadata"]),
        (
            "m",
            {"tools": (Foreign(format=Format.MESSAGES, kind="web_search", raw=raw({})),)},
            None,
            ["tools[0]"],
        ),
    ],
)
def test_what_cannot_be_said_is_named(
    model: str, fields: dict[str, Any], effort: str | None, named: list[str]
) -> None:
    body, lost = checked(to=target(model), **fields)
    assert lost == named
    assert body.get("reasoning_effort") == effort
    assert set(body) <= {"model", "messages", "reasoning_effort"}


TOOLS = (Tool(name="f"), Tool(name="g"), Tool(name="c", custom=True))


@pytest.mark.parametrize(
    ("choice", "written", "tools"),
    [
        (ToolChoice(choosing=Choosing.NONE), "none", ["f", "g", "c"]),
        (ToolChoice(choosing=Choosing.AUTO), "auto", ["f", "g", "c"]),
        (ToolChoice(choosing=Choosing.REQUIRED), "required", ["f", "g", "c"]),
        (
            ToolChoice(choosing=Choosing.REQUIRED, names=("f",)),
            {"type": "function", "function": {"name": "f"}},
            ["f", "g", "c"],
        ),
        (
            ToolChoice(choosing=Choosing.REQUIRED, names=("c",)),
            {"type": "custom", "custom": {"name": "c"}},
            ["f", "g", "c"],
        ),
        (ToolChoice(choosing=Choosing.REQUIRED, names=("f", "c")), "required", ["f", "c"]),
        (ToolChoice(choosing=Choosing.AUTO, names=("g",)), "auto", ["g"]),
    ],
)
def test_choices_of_tools(choice: ToolChoice, written: Any, tools: list[str]) -> None:
    body, lost = checked(tools=TOOLS, tool_choice=choice, parallel_tools=False)
    assert not lost
    assert body["tool_choice"] == written
    assert [tool[tool["type"]]["name"] for tool in body["tools"]] == tools
    assert body["parallel_tool_calls"] is False


def test_tools_say_all_that_they_can() -> None:
    grammar = {"type": "grammar", "grammar": {"definition": "a", "syntax": "lark"}}
    tools = (
        Tool(name="f", description="d", parameters=raw({}), strict=False, cache=CacheFor.DEFAULT),
        Tool(name="c", description="d", parameters=raw(grammar), custom=True),
    )
    body, lost = checked(tools=tools)
    assert lost == ["tools[0].cache_control"]
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "f", "description": "d", "parameters": {}, "strict": False},
        },
        {"type": "custom", "custom": {"name": "c", "description": "d", "format": grammar}},
    ]
    body, lost = write(tools=tools, to=target("claude"))
    assert not lost
    assert body["tools"][0]["cache_control"] == {"type": "ephemeral"}
