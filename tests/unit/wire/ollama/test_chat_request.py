"""Conversations as requests for Ollama's chat, judged by the types of its SDK."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from ollama._types import ChatRequest, Options
from tests.support.conversations import SCALARS, Feature, Says, conversations
from tests.support.wire_targets import target

from fastgate.domain.conversation import (
    Choosing,
    Conversation,
    Document,
    Effort,
    Foreign,
    Image,
    Message,
    Reasoning,
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
from fastgate.wire.interface import Losses
from fastgate.wire.ollama import CHAT_PROVIDER

OLLAMA = Format.OLLAMA_CHAT
SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}}}')


def user(*parts: Any) -> Message:
    return Message(
        role=Role.USER, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts)
    )


def assistant(*parts: Any) -> Message:
    return msgspec.structs.replace(user(*parts), role=Role.ASSISTANT)


def conversation(*messages: Message, **fields: Any) -> Conversation:
    return Conversation(format=Format.CHAT, messages=messages or (user("hi"),), **fields)


def written(request: Conversation, **told: Any) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    body: dict[str, Any] = msgspec.json.decode(
        msgspec.json.encode(CHAT_PROVIDER.write_request(request, target("llama", **told), losses))
    )
    checked = ChatRequest.model_validate(body)
    for message in checked.messages or ():
        assert set(message) <= {
            "role",
            "content",
            "thinking",
            "images",
            "tool_calls",
            "tool_name",
            "tool_call_id",
        }
    assert set(body) <= set(ChatRequest.model_fields)
    assert set(body.get("options", {})) <= set(Options.model_fields)
    return body, losses.names


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in strings(each)]


ABLE = Says(
    OLLAMA,
    [
        Feature.SYSTEM,
        Feature.LATE_SYSTEM,
        Feature.IMAGE_DATA,
        Feature.DOCUMENT_TEXT,
        Feature.TOOLS,
        Feature.RESULT_NAMES,
        Feature.PLAIN_THINKING,
        Feature.REFUSALS,
    ],
    [
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "logprobs",
        "json_object",
    ],
)


@given(conversations(ABLE))
def test_what_ollama_can_say_is_said_whole(request_: Conversation) -> None:
    body, losses = written(request_)
    required = request_.tool_choice is not None and request_.tool_choice.choosing is Choosing.REQUIRED
    assert losses == (["tool_choice"] if required else [])
    said = "\n".join(strings(body))
    for message in request_.messages:
        for part in message.parts:
            if isinstance(part, Text | Thinking):
                assert part.text in said
            elif isinstance(part, Image):
                assert part.source.data in strings(body)
            elif isinstance(part, ToolUse):
                calls = [call for each in body["messages"] for call in each.get("tool_calls", ())]
                (call,) = (each for each in calls if each["id"] == part.id)
                assert call["function"] == {
                    "name": part.name,
                    "arguments": msgspec.json.decode(part.arguments),
                }


@given(conversations(Says(Format.CHAT, list(Feature), [name for name in SCALARS if name != "json_object"])))
def test_whatever_a_client_says_the_request_is_valid(request_: Conversation) -> None:
    written(request_)


def test_a_turn_with_tools() -> None:
    body, losses = written(
        conversation(
            Message(role=Role.SYSTEM, parts=(Text(text="a"), Text(text="b"))),
            user("Weather?", Image(source=Source(media_type="image/png", data="AAAA"))),
            assistant(
                Thinking(text="hm"), "One ", "moment", ToolUse(id="c1", name="w", arguments='{"city":"P"}')
            ),
            user(ToolResult(id="c1", parts=(Text(text="sunny"), Text(text="warm"))), "And?"),
            tools=(Tool(name="w", description="d", parameters=SCHEMA),),
        )
    )
    assert losses == []
    assert body == {
        "model": "llama",
        "stream": False,
        "messages": [
            {"role": "system", "content": "a\nb"},
            {"role": "user", "content": "Weather?", "images": ["AAAA"]},
            {
                "role": "assistant",
                "content": "One moment",
                "thinking": "hm",
                "tool_calls": [{"id": "c1", "function": {"name": "w", "arguments": {"city": "P"}}}],
            },
            {"role": "tool", "tool_call_id": "c1", "tool_name": "w", "content": "sunny\nwarm"},
            {"role": "user", "content": "And?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "w", "description": "d", "parameters": msgspec.json.decode(SCHEMA)},
            }
        ],
    }


def test_documents_are_read_as_texts_and_never_cited() -> None:
    source = Source(media_type="text/plain", data="YWxsIG9mIGl0")
    body, losses = written(conversation(user(Document(source=source, title="Book", cite=True), "Look")))
    assert body["messages"] == [{"role": "user", "content": "Book\nall of it\nLook"}]
    assert losses == ["messages[0].content[0].citations"]


def test_what_has_no_place() -> None:
    body, losses = written(
        conversation(
            Message(role=Role.USER, name="bob", parts=(Image(source=Source(url="https://x.example")),)),
            assistant(
                Thinking(text="sealed", signature="s", format=Format.MESSAGES),
                ToolUse(id="1", name="c", arguments="free", custom=True),
                ToolUse(id="2", name="b", arguments="{broken"),
            ),
            user(
                ToolResult(id="1", parts=(Image(source=Source(url="u")),), is_error=True),
                Document(source=Source(text="body"), title="Title", context="why"),
                Document(source=Source(media_type="application/pdf", data="AAAA")),
            ),
            tools=(
                Tool(name="b", strict=True, extra={"x": msgspec.Raw(b"1")}),
                Tool(name="c", custom=True),
                Foreign(format=Format.RESPONSES, kind="web_search", raw=msgspec.Raw(b"{}")),
            ),
        )
    )
    assert losses == [
        "messages[0].name",
        "messages[0].content[0]",
        "messages[1].content[0]",
        "messages[1].content[1]",
        "messages[2].content[0].content[0]",
        "messages[2].content[0].is_error",
        "messages[2].content[2]",
        "tools[0].x",
        "tools[0].strict",
        "tools[1]",
        "tools[2]",
    ]
    assert body["messages"] == [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "1", "function": {"name": "c", "arguments": {"input": "free"}}},
                {"id": "2", "function": {"name": "b", "arguments": {"input": "{broken"}}},
            ],
        },
        {"role": "tool", "tool_call_id": "1", "tool_name": "c", "content": ""},
        {"role": "user", "content": "Title\nwhy\nbody"},
    ]


@pytest.mark.parametrize(
    ("fields", "said", "losses"),
    [
        (
            {
                "temperature": 1.5,
                "top_p": 0.5,
                "top_k": 3,
                "frequency_penalty": -1.0,
                "presence_penalty": 0.5,
                "seed": 7,
                "stop": ("a", "b"),
                "max_output_tokens": 9,
            },
            {
                "options": {
                    "temperature": 1.5,
                    "top_p": 0.5,
                    "top_k": 3,
                    "frequency_penalty": -1.0,
                    "presence_penalty": 0.5,
                    "seed": 7,
                    "stop": ["a", "b"],
                    "num_predict": 9,
                }
            },
            [],
        ),
        ({"output_schema": Schema()}, {"format": "json"}, []),
        (
            {"output_schema": Schema(schema=SCHEMA, description="d")},
            {"format": msgspec.json.decode(SCHEMA)},
            ["response_format.description"],
        ),
        ({"reasoning": Reasoning(effort=Effort.NONE)}, {"think": False}, []),
        ({"reasoning": Reasoning(off=True)}, {"think": False}, []),
        ({"reasoning": Reasoning(effort=Effort.LOW)}, {"think": "low"}, []),
        ({"reasoning": Reasoning(effort=Effort.MAX)}, {"think": "high"}, ["reasoning_effort"]),
        ({"reasoning": Reasoning(effort=Effort.MINIMAL)}, {"think": "low"}, ["reasoning_effort"]),
        ({"reasoning": Reasoning(budget_tokens=9)}, {"think": True}, ["thinking"]),
        ({"reasoning": Reasoning(adaptive=True)}, {}, []),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}, []),
        ({"n": 2, "user": "u", "verbosity": "low"}, {}, ["n", "verbosity", "user"]),
    ],
)
def test_fields(fields: dict[str, Any], said: dict[str, Any], losses: list[str]) -> None:
    body, lost = written(conversation(**fields))
    assert {
        name: value for name, value in body.items() if name not in ("model", "messages", "stream")
    } == said
    assert lost == losses


@pytest.mark.parametrize(
    ("choice", "names", "losses"),
    [
        (None, ["a", "b"], []),
        (ToolChoice(choosing=Choosing.AUTO, names=("b",)), ["b"], []),
        (ToolChoice(choosing=Choosing.NONE), [], []),
        (ToolChoice(choosing=Choosing.REQUIRED), ["a", "b"], ["tool_choice"]),
        (ToolChoice(choosing=Choosing.REQUIRED, names=("a",)), ["a"], ["tool_choice"]),
    ],
)
def test_tool_choice(choice: ToolChoice | None, names: list[str], losses: list[str]) -> None:
    body, lost = written(conversation(tools=(Tool(name="a"), Tool(name="b")), tool_choice=choice))
    assert [tool["function"]["name"] for tool in body.get("tools", ())] == names
    assert lost == losses


def test_a_cap_overrides_the_clients() -> None:
    body, _ = written(conversation(max_output_tokens=900), cap=40, stream=True)
    assert (body["options"], body["stream"]) == ({"num_predict": 40}, True)
