"""Conversations as requests for Cohere's chat, judged by its published description."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from tests.support.cohere_schema import check_request
from tests.support.conversations import Feature, Says, conversations
from tests.support.wire_targets import target

from fastgate.domain.conversation import (
    Audio,
    CacheFor,
    Choosing,
    Citation,
    Conversation,
    Document,
    Effort,
    Foreign,
    Image,
    Message,
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
)
from fastgate.domain.format import Format
from fastgate.wire.cohere import CHAT_PROVIDER
from fastgate.wire.interface import Losses

SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}}}')


def user(*parts: Any) -> Message:
    return Message(
        role=Role.USER, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts)
    )


def assistant(*parts: Any) -> Message:
    return msgspec.structs.replace(user(*parts), role=Role.ASSISTANT)


def conversation(*messages: Message, format: Format = Format.CHAT, **fields: Any) -> Conversation:
    return Conversation(format=format, messages=messages or (user("hi"),), **fields)


def written(request: Conversation, **told: Any) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    body = CHAT_PROVIDER.write_request(request, target("command-a", **told), losses)
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    check_request("/v2/chat", plain)
    return plain, losses.names


def strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inner for text in strings(each)]


ABLE = Says(
    Format.COHERE_CHAT,
    [
        Feature.SYSTEM,
        Feature.DEVELOPER,
        Feature.LATE_SYSTEM,
        Feature.IMAGE_DATA,
        Feature.IMAGE_URLS,
        Feature.IMAGE_DETAIL,
        Feature.DOCUMENT_TEXT,
        Feature.DOCUMENT_CONTEXT,
        Feature.TOOLS,
        Feature.ALLOWED_TOOLS,
        Feature.RESULT_NAMES,
        Feature.PLAIN_THINKING,
        Feature.REFUSALS,
    ],
    [
        "max_output_tokens",
        "temperature",
        "top_k",
        "seed",
        "stop",
        "logprobs",
        "json_object",
        "thinking_budget",
    ],
)


@given(conversations(ABLE))
def test_what_cohere_can_say_is_said_whole(request_: Conversation) -> None:
    body, losses = written(request_)
    assert losses == []
    said = "\n".join(strings(body))
    for message in request_.messages:
        for part in message.parts:
            if isinstance(part, Text | Thinking | Refusal):
                assert part.text in said
            elif isinstance(part, ToolUse):
                assert {part.id, part.name, part.arguments} <= set(strings(body))
    roles = [message["role"] for message in body["messages"]]
    results = [p for message in request_.messages for p in message.parts if isinstance(p, ToolResult)]
    assert roles.count("tool") == len(results)


EVERYTHING = Says(
    Format.CHAT,
    list(Feature),
    [
        "parallel_tools",
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "n",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "output_schema",
        "effort",
        "verbosity",
        "service_tier",
        "user",
        "metadata",
        "store",
        "prompt_cache_key",
    ],
)


@given(conversations(EVERYTHING))
def test_whatever_a_client_says_the_request_is_valid(request_: Conversation) -> None:
    written(request_)


def test_a_turn_with_tools() -> None:
    body, losses = written(
        conversation(
            Message(role=Role.SYSTEM, parts=(Text(text="Be brief."),)),
            user("Weather?"),
            assistant(
                Thinking(text="I will look."),
                ToolUse(id="c1", name="weather", arguments='{"city":"Paris"}'),
                ToolUse(id="c2", name="weather", arguments="{}"),
            ),
            user(
                ToolResult(id="c1", parts=(Text(text="sunny"),)),
                ToolResult(id="c2", parts=(Text(text="a"), Text(text="b"))),
                "And?",
            ),
            tools=(Tool(name="weather", description="d", parameters=SCHEMA, strict=True),),
            tool_choice=ToolChoice(choosing=Choosing.REQUIRED),
        ),
        stream=True,
    )
    assert losses == []
    assert body == {
        "model": "command-a",
        "stream": True,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "tool_plan": "I will look.",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city":"Paris"}'},
                    },
                    {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": "{}"}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
            {
                "role": "tool",
                "tool_call_id": "c2",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            },
            {"role": "user", "content": "And?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "d",
                    "parameters": msgspec.json.decode(SCHEMA),
                },
            }
        ],
        "tool_choice": "REQUIRED",
        "strict_tools": True,
    }


def test_images_and_documents() -> None:
    body, losses = written(
        conversation(
            user(
                "Look",
                Image(source=Source(media_type="image/png", data="AAAA"), detail="low"),
                Image(source=Source(url="https://files.example/a.png")),
                Document(source=Source(text="all of it"), title="Book", context="old", cite=True),
                Document(source=Source(media_type="application/pdf", data="AAAA")),
                Audio(source=Source(media_type="audio/wav", data="AAAA")),
            )
        )
    )
    assert losses == ["messages[0].content[4]", "messages[0].content[5]"]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://files.example/a.png"}},
            ],
        }
    ]
    assert body["documents"] == [{"data": {"title": "Book", "text": "all of it", "context": "old"}}]


def test_a_text_in_base64_is_a_text_document() -> None:
    source = Source(media_type="text/plain", data="YWxsIG9mIGl0")
    body, losses = written(conversation(user("Look", Document(source=source))))
    assert (body["documents"], losses) == ([{"data": {"text": "all of it"}}], [])


def test_thinking_goes_back_unless_another_vendor_sealed_it() -> None:
    body, losses = written(
        conversation(
            user("a"),
            assistant(
                Thinking(text="own", format=Format.COHERE_CHAT),
                Thinking(text="open", format=Format.CHAT),
                Thinking(text="sealed", signature="s", format=Format.MESSAGES),
                Thinking(redacted="r", format=Format.MESSAGES),
                "b",
            ),
            user("c"),
        )
    )
    assert losses == ["messages[1].content[2]", "messages[1].content[3]"]
    assert body["messages"][1] == {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "own"},
            {"type": "thinking", "thinking": "open"},
            {"type": "text", "text": "b"},
        ],
    }


def test_citations_go_back_as_cohere_wrote_them() -> None:
    raw = msgspec.Raw(b'{"start":0,"end":1,"text":"b","sources":[]}')
    body, losses = written(
        conversation(
            user("a"),
            assistant(
                Text(
                    text="b",
                    citations=(
                        Citation(format=Format.COHERE_CHAT, raw=raw),
                        Citation(format=Format.COHERE_CHAT),
                        Citation(url="https://x.example", format=Format.CHAT),
                    ),
                )
            ),
            user("c"),
        )
    )
    assert losses == ["messages[1].content[0].citations"]
    assert body["messages"][1]["citations"] == [msgspec.json.decode(raw)]


@pytest.mark.parametrize(
    ("fields", "said", "losses"),
    [
        ({"temperature": 0.5}, {"temperature": 0.5}, []),
        ({"temperature": 2.0}, {"temperature": 1.0}, ["temperature"]),
        ({"top_p": 0.5}, {"p": 0.5}, []),
        ({"top_p": 1.0}, {"p": 0.99}, ["top_p"]),
        ({"top_k": 600}, {"k": 500}, ["top_k"]),
        ({"frequency_penalty": 2.0}, {"frequency_penalty": 1.0}, ["frequency_penalty"]),
        ({"presence_penalty": -0.5}, {}, ["presence_penalty"]),
        ({"seed": 7}, {"seed": 7}, []),
        ({"seed": -7}, {}, ["seed"]),
        ({"stop": ("a", "b")}, {"stop_sequences": ["a", "b"]}, []),
        ({"stop": tuple("abcdef")}, {"stop_sequences": list("abcde")}, ["stop"]),
        ({"max_output_tokens": 9}, {"max_tokens": 9}, []),
        ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True}, ["top_logprobs"]),
        ({"n": 1, "store": False, "service_tier": "auto", "parallel_tools": True}, {}, []),
        ({"n": 2, "parallel_tools": False}, {}, ["parallel_tool_calls", "n"]),
        ({"user": "u", "metadata": {"a": "b"}, "store": True}, {}, ["user", "metadata", "store"]),
        ({"output_schema": Schema()}, {"response_format": {"type": "json_object"}}, []),
        (
            {"output_schema": Schema(schema=SCHEMA, name="n", description="d", strict=True)},
            {"response_format": {"type": "json_object", "json_schema": msgspec.json.decode(SCHEMA)}},
            ["response_format.description"],
        ),
        ({"reasoning": Reasoning(effort=Effort.NONE)}, {"thinking": {"type": "disabled"}}, []),
        ({"reasoning": Reasoning(off=True)}, {"thinking": {"type": "disabled"}}, []),
        ({"reasoning": Reasoning(effort=Effort.HIGH)}, {}, []),
        ({"reasoning": Reasoning(adaptive=True)}, {}, []),
        ({"reasoning": Reasoning(effort=Effort.LOW)}, {}, ["reasoning_effort"]),
        (
            {"reasoning": Reasoning(budget_tokens=100)},
            {"thinking": {"type": "enabled", "token_budget": 100}},
            [],
        ),
        ({"tool_choice": ToolChoice(choosing=Choosing.REQUIRED)}, {}, ["tool_choice"]),
    ],
)
def test_fields(fields: dict[str, Any], said: dict[str, Any], losses: list[str]) -> None:
    body, lost = written(conversation(**fields))
    assert {
        name: value for name, value in body.items() if name not in ("model", "messages", "stream")
    } == said
    assert lost == losses


@pytest.mark.parametrize(
    ("choice", "names", "said"),
    [
        (None, ["a", "b"], None),
        (ToolChoice(choosing=Choosing.AUTO), ["a", "b"], None),
        (ToolChoice(choosing=Choosing.AUTO, names=("b",)), ["b"], None),
        (ToolChoice(choosing=Choosing.NONE), ["a", "b"], "NONE"),
        (ToolChoice(choosing=Choosing.REQUIRED, names=("a",)), ["a"], "REQUIRED"),
    ],
)
def test_tool_choice(choice: ToolChoice | None, names: list[str], said: str | None) -> None:
    body, losses = written(conversation(tools=(Tool(name="a"), Tool(name="b")), tool_choice=choice))
    assert losses == []
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert body.get("tool_choice") == said


def test_tools_that_it_does_not_have() -> None:
    body, losses = written(
        conversation(
            user("a"),
            assistant(ToolUse(id="1", name="c", arguments="free text", custom=True)),
            user(ToolResult(id="1", parts=(Image(source=Source(url="u")), Text(text="x")), is_error=True)),
            tools=(
                Tool(name="a", cache=CacheFor.DEFAULT, extra={"defer_loading": msgspec.Raw(b"true")}),
                Tool(name="b", strict=True),
                Tool(name="c", custom=True),
                Foreign(format=Format.RESPONSES, kind="web_search", raw=msgspec.Raw(b"{}")),
            ),
        )
    )
    assert losses == [
        "messages[1].content[0]",
        "messages[2].content[0].content[0]",
        "messages[2].content[0].is_error",
        "tools[0].cache_control",
        "tools[0].defer_loading",
        "tools[2]",
        "tools[3]",
        "tools[1].strict",
    ]
    assert "strict_tools" not in body
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"input":"free text"}'


def test_losses_have_the_names_of_the_clients_format() -> None:
    _, losses = written(
        conversation(
            format=Format.MESSAGES, stop=tuple("abcdef"), reasoning=Reasoning(effort=Effort.LOW), user="u"
        )
    )
    assert losses == ["stop_sequences", "thinking", "metadata.user_id"]


def test_a_cap_overrides_the_clients() -> None:
    body, _ = written(conversation(max_output_tokens=900), cap=40)
    assert body["max_tokens"] == 40
