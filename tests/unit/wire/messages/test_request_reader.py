"""Bodies of clients as conversations: all that Anthropic's SDK may send, and what is refused."""

from typing import Any, Literal, Required, Union, get_args, get_origin

import msgspec
import pytest
from anthropic.types import ContentBlockParam, ToolUnionParam
from tests.support.messages_requests import neutral, raw, says
from typing_extensions import get_type_hints, is_typeddict

from fastgate.domain.conversation import (
    CacheFor,
    Choosing,
    Conversation,
    Document,
    Effort,
    Foreign,
    Image,
    Part,
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
from fastgate.errors import GatewayError
from fastgate.wire.messages import CLIENT

_HI = [{"role": "user", "content": "hi"}]


def read(**body: Any) -> Conversation:
    return CLIENT.read_request(msgspec.json.encode({"model": "m", "messages": _HI, **body}), None)


def parts_of(*blocks: dict[str, Any]) -> tuple[Part, ...]:
    return read(messages=[{"role": "user", "content": blocks}]).messages[0].parts


def test_a_whole_request() -> None:
    request = read(
        max_tokens=100,
        stream=True,
        system=[{"type": "text", "text": "S", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        messages=[
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [{"type": "text", "text": "b"}]},
            {"role": "system", "content": "c"},
        ],
        temperature=1,
        top_p=0.5,
        top_k=3,
        stop_sequences=["x"],
        metadata={"user_id": "u"},
        service_tier="auto",
        container="c-1",
        context_management={"edits": []},
    )
    assert neutral(request) == Conversation(
        format=Format.MESSAGES,
        messages=(
            says(Role.SYSTEM, Text(text="S", cache=CacheFor.ONE_HOUR)),
            says(Role.USER, "a"),
            says(Role.ASSISTANT, "b"),
            says(Role.SYSTEM, "c"),
        ),
        max_output_tokens=100,
        temperature=1,
        top_p=0.5,
        top_k=3,
        stop=("x",),
        user="u",
        service_tier="auto",
        extra={"container": raw("c-1"), "context_management": raw({"edits": []})},
    )


def test_a_request_for_a_count_of_tokens() -> None:
    assert read().max_output_tokens is None


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}},
            Text(text="x", cache=CacheFor.DEFAULT),
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
            Image(source=Source(media_type="image/png", data="aGk=")),
        ),
        ({"type": "image", "source": {"type": "url", "url": "u"}}, Image(source=Source(url="u"))),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, Image(source=Source(file_id="f"))),
        (
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "x"},
                "title": "T",
                "context": "C",
                "citations": {"enabled": True},
                "cache_control": {"type": "ephemeral", "ttl": "5m"},
            },
            Document(
                source=Source(media_type="text/plain", text="x"),
                title="T",
                context="C",
                cite=True,
                cache=CacheFor.FIVE_MINUTES,
            ),
        ),
        (
            {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
            Document(source=Source(media_type="text/plain", text="x")),
        ),
        (
            {"type": "document", "source": {"type": "content", "content": "x"}, "citations": None},
            Document(source=Source(media_type="text/plain", text="x")),
        ),
        (
            {
                "type": "tool_use",
                "id": "a",
                "name": "f",
                "input": {"x": [1, 2]},
                "caller": {"type": "direct"},
            },
            ToolUse(id="a", name="f", arguments='{"x":[1,2]}'),
        ),
        ({"type": "tool_result", "tool_use_id": "a"}, ToolResult(id="a", parts=())),
        (
            {"type": "tool_result", "tool_use_id": "a", "content": "x", "is_error": True},
            ToolResult(id="a", parts=(Text(text="x"),), is_error=True),
        ),
        (
            {
                "type": "tool_result",
                "tool_use_id": "a",
                "content": [{"type": "tool_reference", "tool_name": "f"}],
            },
            ToolResult(
                id="a",
                parts=(
                    Foreign(
                        format=Format.MESSAGES,
                        kind="tool_reference",
                        raw=raw({"type": "tool_reference", "tool_name": "f"}),
                    ),
                ),
            ),
        ),
        (
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            Thinking(text="hm", signature="s", format=Format.MESSAGES),
        ),
        ({"type": "thinking", "thinking": "hm", "signature": ""}, Thinking(text="hm")),
        ({"type": "redacted_thinking", "data": "d"}, Thinking(redacted="d", format=Format.MESSAGES)),
    ],
)
def test_blocks(block: dict[str, Any], part: Part) -> None:
    assert parts_of(block) == (part,)


def test_every_block_that_the_sdk_may_send_is_read() -> None:
    """By its least members; those without a neutral meaning are kept as they were written."""
    for kind in get_args(ContentBlockParam):
        block = _least(kind)
        (part,) = parts_of(block)
        if isinstance(part, Foreign):
            assert msgspec.json.decode(part.raw) == block
            assert part.kind == block["type"]


def test_every_tool_that_the_sdk_may_send_is_read() -> None:
    for kind in get_args(ToolUnionParam):
        tool = _least(kind)
        (got,) = read(tools=[tool]).tools
        assert isinstance(got, Tool) is ("type" not in tool)
        if isinstance(got, Foreign):
            assert msgspec.json.decode(got.raw) == tool


def _least(hint: Any) -> Any:
    """The smallest value of one of the SDK's types."""
    if is_typeddict(hint):
        members = get_type_hints(hint, include_extras=True)
        required: Any = Required
        needed = {name: get_args(each)[0] for name, each in members.items() if get_origin(each) is required}
        return {name: _least(each) for name, each in needed.items()}
    origin: Any = get_origin(hint)
    if origin in (Literal, Union):
        first = get_args(hint)[0]
        return first if origin is Literal else _least(first)
    if origin is dict:
        return {}
    return {str: "x", int: 1}.get(hint, [])


def test_tools() -> None:
    schema = {"type": "object"}
    (tool,) = read(
        tools=[
            {
                "type": "custom",
                "name": "f",
                "description": "F.",
                "input_schema": schema,
                "strict": True,
                "cache_control": {"type": "ephemeral"},
                "input_examples": [{}],
            }
        ]
    ).tools
    assert tool == Tool(
        name="f",
        description="F.",
        parameters=raw(schema),
        strict=True,
        cache=CacheFor.DEFAULT,
        extra={"input_examples": raw([{}])},
    )


@pytest.mark.parametrize(
    ("said", "choice", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(choosing=Choosing.AUTO), None),
        ({"type": "none"}, ToolChoice(choosing=Choosing.NONE), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice(choosing=Choosing.REQUIRED), False),
        (
            {"type": "tool", "name": "f", "disable_parallel_tool_use": False},
            ToolChoice(choosing=Choosing.REQUIRED, names=("f",)),
            True,
        ),
    ],
)
def test_choices(said: dict[str, Any], choice: ToolChoice, parallel: bool | None) -> None:
    request = read(tool_choice=said)
    assert (request.tool_choice, request.parallel_tools) == (choice, parallel)


@pytest.mark.parametrize(
    ("body", "reasoning", "extra"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Reasoning(budget_tokens=2000), {}),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Reasoning(adaptive=True, shown=False), {}),
        ({"thinking": {"type": "disabled"}}, Reasoning(off=True), {}),
        (
            {"thinking": {"type": "between_tools"}},
            None,
            {"thinking": {"type": "between_tools"}},
        ),
        (
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            Reasoning(adaptive=True, effort=Effort.LOW),
            {},
        ),
        (
            {"output_config": {"effort": "huge", "task_budget": {"total": 1}}},
            None,
            {"output_config": {"effort": "huge", "task_budget": {"total": 1}}},
        ),
        ({"output_config": {"effort": None, "format": None}}, None, {}),
    ],
)
def test_reasoning(body: dict[str, Any], reasoning: Reasoning | None, extra: dict[str, Any]) -> None:
    request = read(**body)
    assert request.reasoning == reasoning
    assert {name: msgspec.json.decode(value) for name, value in request.extra.items()} == extra


def test_a_schema_for_the_output() -> None:
    request = read(output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}})
    assert request.output_schema == Schema(schema=raw({"type": "object"}))
    assert request.extra == {}


def test_fields_for_a_provider() -> None:
    request = read(provider_options={"openai": {"seed": 3}})
    assert request.options == {"openai": {"seed": raw(3)}}
    assert request.extra == {}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 3}]}]},
            "messages[0].content[0].text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url"}}]}]},
            "messages[0].content[0].source",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "disk"}}]}]},
            "messages[0].content[0].source.type",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {
                                "type": "tool_result",
                                "tool_use_id": "a",
                                "content": [{"type": "text", "text": 1}],
                            }
                        ],
                    }
                ]
            },
            "messages[0].content[0].content[0].text",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "a", "name": "f", "input": 3}],
                    }
                ]
            },
            "messages[0].content[0]",
        ),
        ({"system": [{"type": "text", "text": 3}]}, "system[0].text"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": [3]}, "stop_sequences[0]"),
        ({"tools": [{"name": "f"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "f", "input_schema": 3}]}, "tools[0].input_schema"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"tools": [{"name": 3, "input_schema": {}}]}, "tools[0].name"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "enabled", "budget_tokens": "x"}}, "thinking.budget_tokens"),
        ({"metadata": {"user_id": 3}}, "metadata.user_id"),
        ({"provider_options": {"openai": 3}}, "provider_options[...]"),
    ],
)
def test_what_is_refused(body: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        read(**body)
    assert caught.value.code in ("invalid_field", "missing_field")
    assert caught.value.param == param


@pytest.mark.parametrize("depth", [400, 900])
def test_blocks_that_are_nested_too_deeply(depth: int) -> None:
    block = b'{"type":"tool_result","tool_use_id":"a","content":[' * depth + b"]}" * depth
    with pytest.raises(GatewayError, match="nested too deeply"):
        CLIENT.read_request(b'{"messages":[{"role":"user","content":[%b]}]}' % block, None)


def test_a_refusal_repeats_nothing_of_what_was_said() -> None:
    with pytest.raises(GatewayError) as caught:
        read(messages=[{"role": "secret-role", "content": "x"}])
    assert "secret-role" not in caught.value.message
