"""Requests as boto3 writes them, read."""

from typing import Any

import msgspec
import pytest
from tests.support.bedrock_schema import serialized, service_model

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
    Part,
    Reasoning,
    Role,
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
from fastgate.wire.converse import CLIENT, media


def read(**params: Any) -> Conversation:
    """As boto3 would send it: bytes become base64."""
    return CLIENT.read_request(serialized(params), "some.model")


def parts(*blocks: dict[str, Any], role: str = "user") -> tuple[Part, ...]:
    (message,) = read(messages=[{"role": role, "content": list(blocks)}]).messages
    return message.parts


def test_texts_and_roles() -> None:
    request = read(
        system=[{"text": "Be brief."}, {"text": "Be kind."}],
        messages=[
            {"role": "user", "content": [{"text": "Hi"}]},
            {"role": "assistant", "content": [{"text": "Hello"}]},
            {"role": "system", "content": [{"text": "Now be long."}]},
            {"role": "user", "content": [{"text": "Go"}, {"text": "on"}]},
        ],
    )
    assert request.format is Format.CONVERSE
    assert request.messages == (
        Message(role=Role.SYSTEM, parts=(Text(text="Be brief."), Text(text="Be kind."))),
        Message(role=Role.USER, parts=(Text(text="Hi"),)),
        Message(role=Role.ASSISTANT, parts=(Text(text="Hello"),)),
        Message(role=Role.SYSTEM, parts=(Text(text="Now be long."),)),
        Message(role=Role.USER, parts=(Text(text="Go"), Text(text="on"))),
    )


def test_media() -> None:
    s3 = {"s3Location": {"uri": "s3://bucket/key"}}
    assert parts(
        {"image": {"format": "png", "source": {"bytes": b"abc"}}},
        {"image": {"format": "jpeg", "source": s3}},
        {"video": {"format": "three_gp", "source": {"bytes": b"abc"}}},
        {"audio": {"format": "mp3", "source": {"bytes": b"abc"}}},
    ) == (
        Image(source=Source(media_type="image/png", data="YWJj")),
        Image(source=Source(media_type="image/jpeg", url="s3://bucket/key")),
        Video(source=Source(media_type="video/3gpp", data="YWJj")),
        Audio(source=Source(media_type="audio/mpeg", data="YWJj")),
    )


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        (media.IMAGE, "ImageFormat"),
        (media.DOCUMENT, "DocumentFormat"),
        (media.VIDEO, "VideoFormat"),
        (media.AUDIO, "AudioFormat"),
    ],
)
def test_every_format_of_the_service_model_has_a_media_type_of_its_own(kind: media.Kind, shape: str) -> None:
    assert set(kind.types) == set(service_model().shape_for(shape).enum)
    assert all(kind.names[type_] == name for name, type_ in kind.types.items())


def test_documents() -> None:
    assert parts(
        {"document": {"format": "pdf", "name": "Paper", "source": {"bytes": b"abc"}}},
        {
            "document": {
                "name": "Notes",
                "source": {"text": "some"},
                "context": "old",
                "citations": {"enabled": True},
            }
        },
    ) == (
        Document(source=Source(media_type="application/pdf", data="YWJj"), title="Paper"),
        Document(
            source=Source(media_type="text/plain", text="some"), title="Notes", context="old", cite=True
        ),
    )


def test_tools_in_turns() -> None:
    assert parts(
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": b"abc"}},
        {"toolUse": {"toolUseId": "t1", "name": "find", "input": {"q": [1, None, "x"]}}},
        role="assistant",
    ) == (
        Thinking(text="hm", signature="s", format=Format.MESSAGES),
        Thinking(redacted="YWJj", format=Format.MESSAGES),
        ToolUse(id="t1", name="find", arguments='{"q": [1, null, "x"]}'),
    )
    image = {"format": "gif", "source": {"bytes": b"abc"}}
    content = [{"text": "a"}, {"json": {"b": 1}}, {"image": image}]
    assert parts(
        {"toolResult": {"toolUseId": "t1", "content": content, "status": "error"}},
        {"toolResult": {"toolUseId": "t2", "content": [], "status": "success"}},
    ) == (
        ToolResult(
            id="t1",
            parts=(
                Text(text="a"),
                Text(text='{"b": 1}'),
                Image(source=Source(media_type="image/gif", data="YWJj")),
            ),
            is_error=True,
        ),
        ToolResult(id="t2", parts=()),
    )


def test_cache_points_mark_what_stands_in_front() -> None:
    default, hour = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
    request = read(
        system=[{"text": "a"}, default],
        messages=[{"role": "user", "content": [{"text": "b"}, {"text": "c"}, hour]}],
        toolConfig={"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": {}}}}, default]},
    )
    assert request.messages[0].parts == (Text(text="a", cache=CacheFor.DEFAULT),)
    assert request.messages[1].parts == (Text(text="b"), Text(text="c", cache=CacheFor.ONE_HOUR))
    assert request.tools == (Tool(name="t", parameters=msgspec.Raw(b"{}"), cache=CacheFor.DEFAULT),)


def test_a_cache_point_that_nothing_can_carry_stays_as_it_is() -> None:
    point = {"cachePoint": {"type": "default"}}
    raw = msgspec.Raw(b'{"type": "default"}')
    kept = Foreign(format=Format.CONVERSE, kind="cachePoint", raw=raw)
    assert parts(point, {"text": "a"}, point, point) == (
        kept,
        Text(text="a", cache=CacheFor.DEFAULT),
        kept,
    )
    tools = read(messages=[], toolConfig={"tools": [point]}).tools
    assert tools == (kept,)


@pytest.mark.parametrize(
    "block",
    [
        {"guardContent": {"text": {"text": "check", "qualifiers": ["query"]}}},
        {"searchResult": {"source": "u", "title": "t", "content": [{"text": "x"}]}},
        {"toolUse": {"toolUseId": "t", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "t", "content": [], "type": "nova_grounding_result"}},
        {
            "image": {
                "format": "png",
                "source": {"s3Location": {"uri": "s3://bucket/k", "bucketOwner": "1" * 12}},
            }
        },
        {"image": {"format": "png", "source": {"bytes": b"a"}, "error": {"message": "m"}}},
        {"document": {"name": "n", "source": {"content": [{"text": "x"}]}}},
        {"toolAddition": {"tool": {"name": "t"}}},
    ],
)
def test_what_only_converse_says_is_kept(block: dict[str, Any]) -> None:
    (part,) = parts(block)
    assert isinstance(part, Foreign)
    ((kind, _),) = block.items()
    sent = msgspec.json.decode(serialized({"messages": [{"role": "user", "content": [block]}]}))
    assert (part.format, part.kind) == (Format.CONVERSE, kind)
    assert msgspec.json.decode(part.raw) == sent["messages"][0]["content"][0][kind]


def test_citations() -> None:
    citation = {
        "title": "T",
        "sourceContent": [{"text": "q1"}, {"text": "q2"}],
        "location": {"web": {"url": "https://a.example"}},
    }
    (part,) = parts(
        {"citationsContent": {"content": [{"text": "so"}, {"text": " it is"}], "citations": [citation]}},
        role="assistant",
    )
    assert isinstance(part, Text)
    assert part.text == "so it is"
    (read_one,) = part.citations
    assert msgspec.json.decode(read_one.raw) == citation
    assert msgspec.structs.replace(read_one, raw=msgspec.Raw()) == Citation(
        url="https://a.example", title="T", quoted="q1q2", format=Format.CONVERSE
    )


def test_scalars() -> None:
    request = read(
        messages=[],
        inferenceConfig={"maxTokens": 9, "temperature": 0.5, "topP": 0.25, "stopSequences": ["a", "b"]},
        serviceTier={"type": "flex"},
        requestMetadata={"team": "x"},
        outputConfig={
            "effort": "high",
            "textFormat": {
                "type": "json_schema",
                "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "n"}},
            },
        },
    )
    assert (request.max_output_tokens, request.temperature, request.top_p) == (9, 0.5, 0.25)
    assert request.stop == ("a", "b")
    assert request.service_tier == "flex"
    assert request.metadata == {"team": "x"}
    assert request.reasoning == Reasoning(effort=Effort.HIGH)
    assert request.output_schema is not None
    assert request.output_schema.schema == msgspec.Raw(b'{"type":"object"}')
    assert request.output_schema.name == "n"
    assert request.extra == {}


_SPEC = {
    "toolSpec": {"name": "t", "description": "d", "inputSchema": {"json": {"type": "object"}}, "strict": True}
}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"auto": {}}, ToolChoice(choosing=Choosing.AUTO)),
        ({"any": {}}, ToolChoice(choosing=Choosing.REQUIRED)),
        ({"tool": {"name": "t"}}, ToolChoice(choosing=Choosing.REQUIRED, names=("t",))),
    ],
)
def test_tools(choice: dict[str, Any], expected: ToolChoice) -> None:
    system = {"systemTool": {"name": "nova_grounding"}}
    request = read(messages=[], toolConfig={"tools": [_SPEC, system], "toolChoice": choice})
    assert request.tools == (
        Tool(name="t", description="d", parameters=msgspec.Raw(b'{"type": "object"}'), strict=True),
        Foreign(format=Format.CONVERSE, kind="systemTool", raw=msgspec.Raw(b'{"name": "nova_grounding"}')),
    )
    assert request.tool_choice == expected


@pytest.mark.parametrize(
    ("fields", "top_k", "reasoning"),
    [
        ({"top_k": 5}, 5, None),
        ({"k": 5}, 5, None),
        ({"inferenceConfig": {"topK": 5}}, 5, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, None, Reasoning(budget_tokens=2000)),
        ({"reasoning_config": {"type": "disabled"}}, None, Reasoning(off=True)),
        (
            {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}},
            None,
            Reasoning(adaptive=True, shown=False, effort=Effort.MAX),
        ),
        (
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
            None,
            Reasoning(effort=Effort.LOW),
        ),
        ({"reasoning_effort": "high"}, None, Reasoning(effort=Effort.HIGH)),
        ({"reasoning": {"effort": "medium"}}, None, Reasoning(effort=Effort.MEDIUM)),
    ],
)
def test_fields_of_models(fields: dict[str, Any], top_k: int | None, reasoning: Reasoning | None) -> None:
    request = read(messages=[], additionalModelRequestFields={**fields, "anthropic_beta": ["b"]})
    assert request.top_k == top_k
    assert request.reasoning == reasoning
    assert request.extra.keys() == {"additionalModelRequestFields"}
    assert msgspec.json.decode(request.extra["additionalModelRequestFields"]) == {"anthropic_beta": ["b"]}
    assert read(messages=[], additionalModelRequestFields=fields).extra == {}


def test_what_has_no_neutral_meaning_is_kept() -> None:
    guardrail = {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    request = read(
        messages=[],
        guardrailConfig=guardrail,
        performanceConfig={"latency": "optimized"},
        promptVariables={"a": {"text": "b"}},
        additionalModelResponseFieldPaths=["/x"],
    )
    kept = {name: msgspec.json.decode(raw) for name, raw in request.extra.items()}
    assert kept == {
        "guardrailConfig": guardrail,
        "performanceConfig": {"latency": "optimized"},
        "promptVariables": {"a": {"text": "b"}},
        "additionalModelResponseFieldPaths": ["/x"],
    }


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": 1}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": []}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"text": 1}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0]"),
        (
            {"messages": [{"role": "user", "content": [{"text": "a", "image": {}}]}]},
            "messages[0].content[0]",
        ),
        (
            {"messages": [{"role": "user", "content": [{"image": {"format": "png"}}]}]},
            "messages[0].content[0].image",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": 1}]}}],
                    }
                ]
            },
            "messages[0].content[0].toolResult.content[0].text",
        ),
        ({"system": [{"text": None}]}, "system[0].text"),
        ({"inferenceConfig": {"maxTokens": "1"}}, "inferenceConfig.maxTokens"),
        (
            {"toolConfig": {"tools": [{"toolSpec": {"name": "t"}}]}},
            "toolConfig.tools[0].toolSpec.inputSchema",
        ),
        (
            {"toolConfig": {"tools": [{"toolSpec": {"name": "t", "inputSchema": {"json": 1}}}]}},
            "toolConfig.tools[0].toolSpec.inputSchema.json",
        ),
        ({"toolConfig": {"tools": [{}]}}, "toolConfig.tools[0]"),
        (
            {"outputConfig": {"textFormat": {"structure": {"jsonSchema": {"schema": "{"}}}}},
            "outputConfig.textFormat.structure.jsonSchema.schema",
        ),
        ({"requestMetadata": {"a": 1}}, "requestMetadata[...]"),
    ],
)
def test_wrong_types(body: dict[str, Any], param: str) -> None:
    with pytest.raises(GatewayError) as refused:
        CLIENT.read_request(msgspec.json.encode(body), None)
    assert refused.value.code in ("invalid_field", "missing_field")
    assert refused.value.param == param


def test_members_that_are_null_are_absent() -> None:
    """Some SDKs write all members of a union."""
    body = {"messages": [{"role": "user", "content": [{"text": "a", "image": None}]}], "system": None}
    request = CLIENT.read_request(msgspec.json.encode(body), None)
    assert request.messages == (Message(role=Role.USER, parts=(Text(text="a"),)),)


def test_text_to_count() -> None:
    body = serialized(
        {
            "system": [{"text": "one"}],
            "messages": [
                {"role": "user", "content": [{"image": {"format": "png", "source": {"bytes": b"abc"}}}]},
                {
                    "role": "assistant",
                    "content": [{"toolUse": {"toolUseId": "id9", "name": "find", "input": {"a": "two"}}}],
                },
                {
                    "role": "user",
                    "content": [{"toolResult": {"toolUseId": "id9", "content": [{"json": {"b": "three"}}]}}],
                },
            ],
            "toolConfig": {
                "tools": [
                    {"toolSpec": {"name": "t", "description": "four", "inputSchema": {"json": {"five": 5}}}}
                ]
            },
        }
    )
    counted = CLIENT.text(body)
    for word in ("one", "find", "two", "three", "four", "five"):
        assert word in counted
    for word in ("YWJj", "png", "id9", "assistant"):
        assert word not in counted


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"messages":3}', b'{"output":{"message":null}}'])
def test_text_of_what_is_none(body: bytes) -> None:
    assert CLIENT.text(body) == ""
