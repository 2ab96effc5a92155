"""Requests for Bedrock: golden, and all of them checked by botocore against the service model."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from tests.support.bedrock_schema import checked_request
from tests.support.conversations import SCALARS, Feature, Says, conversations
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
from fastgate.wire.converse import PROVIDER
from fastgate.wire.interface import Losses

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-2-lite-v1:0"
LLAMA = "meta.llama4-maverick-17b-instruct-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"

_SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}')


def user(*parts: Part) -> Message:
    return Message(role=Role.USER, parts=parts)


def assistant(*parts: Part) -> Message:
    return Message(role=Role.ASSISTANT, parts=parts)


def write(
    *messages: Message,
    model: str = CLAUDE,
    cap: int | None = None,
    format: Format = Format.CHAT,
    **fields: Any,
) -> tuple[dict[str, Any], list[str]]:
    """The body as plain values, and what was lost."""
    said = messages or (user(Text(text="Hi")),)
    request = Conversation(format=format, messages=said, **fields)
    losses = Losses()
    body = PROVIDER.write_request(request, target(model, cap=cap), losses)
    return checked_request(body), losses.names


def content(*parts: Part, model: str = CLAUDE, format: Format = Format.CHAT) -> tuple[Any, list[str]]:
    body, lost = write(user(*parts), model=model, format=format)
    return [block for message in body.get("messages", ()) for block in message["content"]], lost


def test_the_least() -> None:
    assert write() == ({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}, [])


def test_instructions_go_to_the_front_and_roles_alternate() -> None:
    body, lost = write(
        Message(role=Role.SYSTEM, parts=(Text(text="a"),)),
        Message(role=Role.DEVELOPER, parts=(Text(text="b"),)),
        user(Text(text="c")),
        Message(role=Role.USER, parts=(Text(text="d"),), name="Ann"),
        Message(role=Role.SYSTEM, parts=(Text(text="e"), Image(source=Source(url="u")))),
        user(Text(text="f")),
        assistant(Text(text="g ")),
    )
    assert body == {
        "system": [{"text": "a"}, {"text": "b"}, {"text": "e"}],
        "messages": [
            {"role": "user", "content": [{"text": "c"}, {"text": "d"}, {"text": "f"}]},
            {"role": "assistant", "content": [{"text": "g"}]},
        ],
    }
    assert lost == ["messages[3].name", "messages[4].content[1]"]


def test_media() -> None:
    blocks, lost = content(
        Image(source=Source(media_type="image/jpg", data="YWJj"), detail="high"),
        Image(source=Source(media_type="image/PNG; x=y", url="s3://bucket/key")),
        Image(source=Source(url="https://a.example/i.png")),
        Image(source=Source(media_type="image/bmp", data="YWJj")),
        Image(source=Source(file_id="f")),
        Video(source=Source(media_type="video/mp4", data="YWJj")),
        Audio(source=Source(media_type="audio/x-wav", data="YWJj")),
    )
    assert blocks == [
        {"image": {"format": "jpeg", "source": {"bytes": "YWJj"}}},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/key"}}}},
        {"video": {"format": "mp4", "source": {"bytes": "YWJj"}}},
        {"audio": {"format": "wav", "source": {"bytes": "YWJj"}}},
    ]
    assert lost == [f"messages[0].content[{place}" for place in ("0].detail", "2]", "3]", "4]")]


def test_documents_have_names_of_their_own() -> None:
    pdf = Source(media_type="application/pdf", data="YWJj")
    blocks, lost = content(
        Document(source=pdf, title="a/b_c  d.pdf", context="old", cite=True),
        Document(source=pdf),
        Document(source=Source(text="some"), title="x" * 300),
        Document(source=pdf, title="x" * 300),
        Document(source=pdf),
        Document(source=Source(url="https://a.example")),
        Document(source=Source(media_type="application/zip", data="YWJj")),
    )
    bytes_ = {"bytes": "YWJj"}
    assert [block["document"] for block in blocks] == [
        {
            "format": "pdf",
            "name": "a-b-c d-pdf",
            "source": bytes_,
            "context": "old",
            "citations": {"enabled": True},
        },
        {"format": "pdf", "name": "document", "source": bytes_},
        {"format": "txt", "name": "x" * 200, "source": {"text": "some"}},
        {"format": "pdf", "name": "x" * 196 + " (2)", "source": bytes_},
        {"format": "pdf", "name": "document (2)", "source": bytes_},
    ]
    assert lost == ["messages[0].content[5]", "messages[0].content[6]"]


def test_a_tool_loop() -> None:
    tool = Tool(name="find", description="", parameters=None, strict=True)
    long_id = "call|" + "x" * 80
    body, lost = write(
        user(Text(text="q")),
        assistant(
            Text(text=""),
            ToolUse(id="t1", name="find", arguments='{"a": 1}'),
            ToolUse(id=long_id, name="find", arguments="not an object"),
            ToolUse(id="t3", name="free", arguments="text", custom=True),
        ),
        user(Text(text="and"), ToolResult(id="t1", parts=(Text(text="r1"), Text(text="")))),
        user(ToolResult(id=long_id, parts=(), is_error=True), ToolResult(id="t3", parts=(Text(text="r3"),))),
        tools=(tool,),
    )
    assistant_blocks = body["messages"][1]["content"]
    replaced = assistant_blocks[1]["toolUse"]["toolUseId"]
    assert assistant_blocks == [
        {"toolUse": {"toolUseId": "t1", "name": "find", "input": {"a": 1}}},
        {"toolUse": {"toolUseId": replaced, "name": "find", "input": {"input": "not an object"}}},
        {"toolUse": {"toolUseId": "t3", "name": "free", "input": {"input": "text"}}},
    ]
    assert replaced not in ("t1", "t3")
    assert body["messages"][2] == {
        "role": "user",
        "content": [
            {"toolResult": {"toolUseId": "t1", "content": [{"text": "r1"}]}},
            {"toolResult": {"toolUseId": replaced, "content": [], "status": "error"}},
            {"toolResult": {"toolUseId": "t3", "content": [{"text": "r3"}]}},
            {"text": "and"},
        ],
    }
    spec = {"name": "find", "inputSchema": {"json": {"type": "object", "properties": {}}}, "strict": True}
    assert body["toolConfig"] == {"tools": [{"toolSpec": spec}]}
    assert lost == []


def test_tools_of_earlier_turns_stay_although_none_is_offered() -> None:
    """Bedrock answers 400 to tool uses and results without `toolConfig`."""
    used = (assistant(ToolUse(id="t", name="old", arguments="{}")), user(ToolResult(id="t", parts=())))
    spec = {"name": "old", "inputSchema": {"json": {"type": "object", "properties": {}}}}
    for choice, lost in ((None, []), (ToolChoice(choosing=Choosing.NONE), ["tool_choice"])):
        body, names = write(*used, tool_choice=choice)
        assert body["toolConfig"] == {"tools": [{"toolSpec": spec}]}
        assert names == lost


_TOOLS = tuple(Tool(name=name, parameters=_SCHEMA) for name in ("a", "b", "c"))


@pytest.mark.parametrize(
    ("choice", "names", "written", "lost"),
    [
        (None, "abc", None, []),
        (ToolChoice(choosing=Choosing.AUTO), "abc", None, []),
        (ToolChoice(choosing=Choosing.AUTO, names=("a", "c")), "ac", None, []),
        (ToolChoice(choosing=Choosing.NONE), "", None, []),
        (ToolChoice(choosing=Choosing.REQUIRED), "abc", {"any": {}}, []),
        (ToolChoice(choosing=Choosing.REQUIRED, names=("b",)), "abc", {"tool": {"name": "b"}}, []),
        (ToolChoice(choosing=Choosing.REQUIRED, names=("a", "b")), "ab", {"any": {}}, []),
        (ToolChoice(choosing=Choosing.REQUIRED, names=("x",)), "abc", None, ["tool_choice"]),
    ],
)
def test_choices(choice: ToolChoice | None, names: str, written: Any, lost: list[str]) -> None:
    body, dropped = write(tools=_TOOLS, tool_choice=choice)
    config = body.get("toolConfig", {})
    assert "".join(tool["toolSpec"]["name"] for tool in config.get("tools", ())) == names
    assert config.get("toolChoice") == written
    assert dropped == lost


def test_one_tool_at_a_time() -> None:
    """Of Claude's own fields, which do not go with a choice of Converse's."""
    body, lost = write(tools=_TOOLS, parallel_tools=False)
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert body["additionalModelRequestFields"] == {"tool_choice": choice}
    assert lost == []
    _, lost = write(tools=_TOOLS, parallel_tools=False, tool_choice=ToolChoice(choosing=Choosing.REQUIRED))
    assert lost == ["parallel_tool_calls"]
    _, lost = write(tools=_TOOLS, parallel_tools=False, model=NOVA)
    assert lost == ["parallel_tool_calls"]
    assert write(parallel_tools=False)[1] == []


def test_tools_that_cannot_be_said() -> None:
    foreign = Foreign(format=Format.RESPONSES, kind="web_search", raw=msgspec.Raw(b'{"type":"web_search"}'))
    custom = Tool(name="free", custom=True)
    body, lost = write(tools=(foreign, custom), tool_choice=ToolChoice(choosing=Choosing.REQUIRED))
    assert "toolConfig" not in body
    assert lost == ["tools[0]", "tools[1]", "tool_choice"]


def test_strict_tools_where_the_model_can_be_held_to_them() -> None:
    loose = msgspec.Raw(b'{"type":"object","properties":{"a":{"type":"integer","minimum":3}}}')
    tools = (Tool(name="a", parameters=_SCHEMA, strict=True), Tool(name="b", parameters=loose, strict=True))
    body, lost = write(tools=tools)
    assert [tool["toolSpec"].get("strict") for tool in body["toolConfig"]["tools"]] == [True, None]
    assert lost == ["tools[1].strict"]
    _, lost = write(tools=tools[:1], model="anthropic.claude-3-5-sonnet-20240620-v1:0")
    assert lost == ["tools[0].strict"]


def test_thinking_goes_to_whom_it_is_from() -> None:
    formats = (Format.MESSAGES, Format.INVOKE, Format.GENERATE_CONTENT, Format.RESPONSES)
    seals = [Thinking(text="hm", signature="s", format=each) for each in formats]
    sealed = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}
    body, lost = write(user(Text(text="a")), assistant(*seals, Text(text="b")))
    assert body["messages"][1]["content"] == [sealed, sealed, {"text": "b"}]
    assert lost == ["messages[1].content[2]", "messages[1].content[3]"]
    body, lost = write(user(Text(text="a")), assistant(*seals, Text(text="b")), model=NOVA)
    assert body["messages"][1]["content"] == [{"text": "b"}]
    assert lost == [f"messages[1].content[{index}]" for index in range(4)]
    plain = Thinking(text="hm", format=Format.CHAT)
    assert write(user(Text(text="a")), assistant(plain, Text(text="b")))[1] == ["messages[1].content[0]"]


def test_redacted_thinking_is_base64() -> None:
    blocks, _ = content(
        Thinking(redacted="YWJj", format=Format.MESSAGES),
        Thinking(redacted="not 64!", format=Format.MESSAGES),
    )
    assert blocks == [
        {"reasoningContent": {"redactedContent": "YWJj"}},
        {"reasoningContent": {"redactedContent": "bm90IDY0IQ=="}},
    ]


def test_cache_marks() -> None:
    parts = (Text(text="a", cache=CacheFor.DEFAULT), Text(text="", cache=CacheFor.ONE_HOUR))
    tools = (Tool(name="t", parameters=_SCHEMA, cache=CacheFor.FIVE_MINUTES),)
    for model in (CLAUDE, NOVA, PROFILE):
        body, lost = write(user(*parts), Message(role=Role.SYSTEM, parts=parts), model=model, tools=tools)
        marked = [
            {"text": "a"},
            {"cachePoint": {"type": "default"}},
            {"cachePoint": {"type": "default", "ttl": "1h"}},
        ]
        assert body["messages"][0]["content"] == body["system"] == marked
        assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default", "ttl": "5m"}}
        assert lost == []
    body, lost = write(user(*parts), model=LLAMA, tools=tools)
    assert body["messages"][0]["content"] == [{"text": "a"}]
    assert lost == [
        "tools[0].cache_control",
        "messages[0].content[0].cache_control",
        "messages[0].content[1].cache_control",
    ]


def test_what_a_tool_may_answer() -> None:
    cited = Text(text="a", citations=(Citation(title="T"),), cache=CacheFor.ONE_HOUR)
    found = Foreign(format=Format.CONVERSE, kind="json", raw=msgspec.Raw(b'{"x":1}'))
    sound = Audio(source=Source(media_type="audio/wav", data="YWJj"))
    blocks, lost = content(ToolResult(id="t", parts=(cited, found, sound, Thinking(text="hm"))))
    assert blocks == [
        {"toolResult": {"toolUseId": "t", "content": [{"text": "a"}, {"json": {"x": 1}}]}},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
    ]
    assert lost == ["messages[0].content[0].content[2]", "messages[0].content[0].content[3]"]


def test_other_parts() -> None:
    own = Citation(title="T", format=Format.CONVERSE, raw=msgspec.Raw(b'{"title":"T"}'))
    blocks, lost = content(
        Refusal(text="No."),
        Refusal(text=""),
        Text(text="  "),
        Text(text="cited", citations=(own,)),
        Text(text="cited", citations=(Citation(url="https://a.example"),)),
        Foreign(format=Format.CONVERSE, kind="guardContent", raw=msgspec.Raw(b'{"text":{"text":"x"}}')),
        Foreign(format=Format.MESSAGES, kind="x", raw=msgspec.Raw(b"{}")),
    )
    assert blocks == [
        {"text": "No."},
        {"citationsContent": {"content": [{"text": "cited"}], "citations": [{"title": "T"}]}},
        {"text": "cited"},
        {"guardContent": {"text": {"text": "x"}}},
    ]
    assert lost == [f"messages[0].content[{place}" for place in ("2]", "4].citations", "6]")]


def test_sampling() -> None:
    body, lost = write(
        model=NOVA, max_output_tokens=9, temperature=1.5, top_p=0.5, top_k=7, stop=("a", "", "b")
    )
    assert body["inferenceConfig"] == {
        "maxTokens": 9,
        "temperature": 1.0,
        "topP": 0.5,
        "stopSequences": ["a", "b"],
    }
    assert body["additionalModelRequestFields"] == {"inferenceConfig": {"topK": 7}}
    assert lost == ["temperature", "stop"]


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (CLAUDE, {"top_k": 7}),
        (PROFILE, {"top_k": 7}),
        ("mistral.mistral-large-2407-v1:0", {"top_k": 7}),
        ("cohere.command-r-plus-v1:0", {"k": 7}),
        (LLAMA, None),
    ],
)
def test_top_k(model: str, fields: dict[str, Any] | None) -> None:
    body, lost = write(model=model, top_k=7)
    assert body.get("additionalModelRequestFields") == fields
    assert lost == ([] if fields else ["top_k"])


@pytest.mark.parametrize(
    ("model", "written", "lost"),
    [
        (CLAUDE, {"temperature": 0.5}, ["top_p"]),
        ("anthropic.claude-opus-4-7", None, ["temperature", "top_p"]),
        (LLAMA, {"temperature": 0.5, "topP": 0.25}, []),
    ],
)
def test_what_claude_takes_of_sampling(model: str, written: Any, lost: list[str]) -> None:
    body, names = write(model=model, temperature=0.5, top_p=0.25)
    assert body.get("inferenceConfig") == written
    assert names == lost


def test_a_cap_overrides() -> None:
    assert write(cap=5)[0]["inferenceConfig"] == {"maxTokens": 5}
    assert write(cap=5, max_output_tokens=9)[0]["inferenceConfig"] == {"maxTokens": 5}
    assert write(cap=5, max_output_tokens=3)[0]["inferenceConfig"] == {"maxTokens": 3}


@pytest.mark.parametrize(
    ("model", "reasoning", "fields"),
    [
        (CLAUDE, Reasoning(budget_tokens=2000), {"thinking": {"type": "enabled", "budget_tokens": 2000}}),
        (CLAUDE, Reasoning(off=True), {"thinking": {"type": "disabled"}}),
        (
            "anthropic.claude-opus-4-7",
            Reasoning(effort=Effort.HIGH),
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
        (
            NOVA,
            Reasoning(effort=Effort.XHIGH),
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
        ),
        (NOVA, Reasoning(effort=Effort.NONE), {"reasoningConfig": {"type": "disabled"}}),
        ("openai.gpt-oss-120b-1:0", Reasoning(effort=Effort.MINIMAL), {"reasoning_effort": "low"}),
        ("openai.gpt-5.5", Reasoning(effort=Effort.MEDIUM), {"reasoning": {"effort": "medium"}}),
        (LLAMA, Reasoning(off=True), None),
    ],
)
def test_reasoning(model: str, reasoning: Reasoning, fields: dict[str, Any] | None) -> None:
    body, lost = write(model=model, reasoning=reasoning)
    assert body.get("additionalModelRequestFields") == fields
    assert lost == []


def test_reasoning_that_a_model_knows_nothing_of() -> None:
    assert write(model=LLAMA, reasoning=Reasoning(effort=Effort.HIGH))[1] == ["reasoning_effort"]


def test_claude_thinks_without_being_sampled() -> None:
    body, lost = write(reasoning=Reasoning(budget_tokens=2000), temperature=0.5, top_p=0.25, top_k=3)
    assert "inferenceConfig" not in body
    assert lost == ["top_k", "temperature", "top_p"]


def test_structured_output() -> None:
    schema = Schema(schema=_SCHEMA, name="n", description="d", strict=True)
    body, lost = write(output_schema=schema)
    said = body["outputConfig"]["textFormat"]
    assert msgspec.json.decode(said["structure"]["jsonSchema"].pop("schema")) == msgspec.json.decode(_SCHEMA)
    assert said == {
        "type": "json_schema",
        "structure": {"jsonSchema": {"name": "n", "description": "d"}},
    }
    assert lost == []
    assert write(output_schema=Schema())[1] == ["response_format"]
    old = "anthropic.claude-3-haiku-20240307-v1:0"
    assert write(model=old, output_schema=schema)[1] == ["response_format"]
    loose = Schema(schema=msgspec.Raw(b'{"type":"string","minLength":2}'))
    assert write(output_schema=loose)[1] == ["response_format.minLength"]


@pytest.mark.parametrize(
    ("tier", "written", "lost"),
    [
        ("priority", {"type": "priority"}, []),
        ("flex", {"type": "flex"}, []),
        ("auto", None, []),
        ("standard_only", None, []),
        ("scale", None, ["service_tier"]),
    ],
)
def test_service_tiers(tier: str, written: Any, lost: list[str]) -> None:
    body, names = write(service_tier=tier)
    assert body.get("serviceTier") == written
    assert names == lost


def test_metadata() -> None:
    many = {f"k{index}": "v" for index in range(20)}
    body, lost = write(metadata={"team": "a b", "bad": "ü", "long": "x" * 257, "n": 3, **many})
    assert len(body["requestMetadata"]) == 16
    assert body["requestMetadata"]["team"] == "a b"
    assert lost == [f"metadata.{name}" for name in ("bad", "long", "n", "k15", "k16", "k17", "k18", "k19")]


def test_which_stop_sequence_was_met_is_asked_for() -> None:
    assert write(stop=("a",))[0]["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    assert "additionalModelResponseFieldPaths" not in write(stop=("a",), model=NOVA)[0]


def test_what_has_no_words() -> None:
    _, lost = write(
        frequency_penalty=0.5,
        presence_penalty=0.5,
        seed=1,
        n=2,
        logprobs=True,
        top_logprobs=3,
        logit_bias={"1": 1.0},
        verbosity="low",
        user="u",
        store=True,
        prompt_cache_key="k",
    )
    assert lost == [
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "n",
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "verbosity",
        "user",
        "store",
        "prompt_cache_key",
    ]


def test_a_clients_own_fields_of_the_model_win() -> None:
    own = {"additionalModelRequestFields": msgspec.Raw(b'{"top_k":1,"anthropic_beta":["b"]}')}
    body, _ = write(format=Format.CONVERSE, top_k=5, extra=own)
    assert body["additionalModelRequestFields"] == {"top_k": 1, "anthropic_beta": ["b"]}


def test_extras_of_others_stay_out() -> None:
    body, _ = write(format=Format.MESSAGES, extra={"container": msgspec.Raw(b'"c"')})
    assert "container" not in body


@given(conversations(Says(Format.CHAT, set(Feature), tuple(SCALARS))))
def test_whatever_is_said_the_body_is_valid(request_: Conversation) -> None:
    for model in (CLAUDE, NOVA, LLAMA, PROFILE):
        body = PROVIDER.write_request(request_, target(model), Losses())
        checked_request(body)
        roles = [message["role"] for message in body.get("messages", ())]
        assert all(one != other for one, other in pairwise(roles))
