"""Conversations of other formats as Gemini and Vertex want them, and what is named as lost."""

from typing import Any

import msgspec
import pytest

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
from fastgate.wire.gemini import PROVIDER
from fastgate.wire.gemini.seal import UNSIGNED
from fastgate.wire.interface import Losses, Target

HI = Message(role=Role.USER, parts=(Text(text="hi"),))


def target(model: str = "gemini-3-pro", dialect: str = "gemini", cap: int | None = None) -> Target:
    return Target("g", model, stream=False, default_max_tokens=1, cap=cap, dialect=dialect)


def chat(*messages: Message, **fields: Any) -> Conversation:
    return Conversation(format=Format.CHAT, messages=messages or (HI,), **fields)


def written(conversation: Conversation, to: Target | None = None) -> tuple[dict[str, Any], list[str]]:
    losses = Losses()
    body = PROVIDER.write_request(conversation, to or target(), losses)
    return msgspec.json.decode(msgspec.json.encode(body)), losses.names


def config_of(conversation: Conversation, model: str = "gemini-3-pro") -> tuple[Any, list[str]]:
    body, lost = written(conversation, target(model))
    return body.get("generationConfig"), lost


def user(*parts: Any) -> Message:
    return Message(role=Role.USER, parts=parts)


def assistant(*parts: Any) -> Message:
    return Message(role=Role.ASSISTANT, parts=parts)


def use(id_: str, name: str = "f", **fields: Any) -> ToolUse:
    return ToolUse(id=id_, name=name, arguments=fields.pop("arguments", "{}"), **fields)


def result(id_: str, *texts: str, **fields: Any) -> ToolResult:
    return ToolResult(id=id_, parts=tuple(Text(text=each) for each in texts), **fields)


def test_system_messages_in_front_are_the_instruction_and_later_ones_keep_their_place() -> None:
    body, lost = written(
        chat(
            Message(role=Role.SYSTEM, parts=(Text(text="a"),)),
            Message(role=Role.DEVELOPER, parts=(Text(text="b"),)),
            HI,
            assistant(Text(text="yes")),
            Message(role=Role.SYSTEM, parts=(Text(text="c"),)),
            user(Text(text="d")),
        )
    )
    assert body == {
        "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hi"}]},
            {"role": "model", "parts": [{"text": "yes"}]},
            {"role": "user", "parts": [{"text": "c"}, {"text": "d"}]},
        ],
    }
    assert lost == []


def test_an_instruction_alone_is_what_the_user_says() -> None:
    body, _ = written(chat(Message(role=Role.SYSTEM, parts=(Text(text="a"),))))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "a"}]}]}


def test_responses_stand_alone_behind_their_calls() -> None:
    body, lost = written(
        chat(
            HI,
            assistant(Text(text="wait"), use("1"), use("2", "g", arguments='{"a": 1}')),
            user(Text(text="and?"), result("1", "x"), result("2", "y", "z", is_error=True)),
        )
    )
    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "wait"},
                {"functionCall": {"id": "1", "name": "f", "args": {}}},
                {"functionCall": {"id": "2", "name": "g", "args": {"a": 1}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "1", "name": "f", "response": {"output": "x"}}},
                {"functionResponse": {"id": "2", "name": "g", "response": {"error": ["y", "z"]}}},
            ],
        },
        {"role": "user", "parts": [{"text": "and?"}]},
    ]
    assert lost == []


def test_vertex_matches_calls_by_order_and_knows_no_ids() -> None:
    body, _ = written(
        chat(HI, assistant(use("1"), use("2")), user(result("2", "second"), result("1", "first"))),
        target(dialect="vertex"),
    )
    assert body["contents"][1]["parts"][1] == {"functionCall": {"name": "f", "args": {}}}
    assert [each["functionResponse"] for each in body["contents"][2]["parts"]] == [
        {"name": "f", "response": {"output": "first"}},
        {"name": "f", "response": {"output": "second"}},
    ]


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ('{"a": [1]}', {"a": [1]}),
        ('{"output": "x"}', {"output": '{"output": "x"}'}),
        ('{"a"', {"output": '{"a"'}),
        ("[1]", {"output": "[1]"}),
        ("", {"output": ""}),
    ],
)
def test_output_of_tools(text: str, response: Any) -> None:
    body, _ = written(chat(HI, assistant(use("1")), user(result("1", text))))
    assert body["contents"][2]["parts"][0]["functionResponse"]["response"] == response


def test_a_result_of_a_call_that_nobody_made_has_its_id_for_a_name() -> None:
    body, _ = written(chat(HI, user(result("9", "x"))))
    assert body["contents"][1]["parts"][0]["functionResponse"]["name"] == "9"


def test_only_calls_of_the_current_turn_need_a_signature() -> None:
    body, _ = written(
        chat(
            HI,
            assistant(use("1")),
            user(result("1", "x")),
            assistant(Text(text="so")),
            user(Text(text="go on")),
            assistant(use("2", signature="c2ln"), use("3")),
            user(result("2", "x"), result("3", "x")),
            assistant(use("4"), use("5")),
            user(result("4", "x"), result("5", "x")),
        )
    )
    signatures = {
        part["functionCall"]["id"]: part.get("thoughtSignature")
        for content in body["contents"]
        for part in content["parts"]
        if "functionCall" in part
    }
    assert signatures == {"1": None, "2": "c2ln", "3": None, "4": UNSIGNED[0], "5": None}


def test_before_gemini_3_nobody_asks_for_signatures() -> None:
    body, _ = written(chat(HI, assistant(use("1")), user(result("1", "x"))), target("gemini-2.5-flash"))
    assert "thoughtSignature" not in body["contents"][1]["parts"][0]


def test_arguments_that_are_no_object_are_told_as_they_are() -> None:
    body, lost = written(
        chat(HI, assistant(use("1", arguments="ls -l", custom=True)), user(result("1", "x")))
    )
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"input": "ls -l"}
    assert lost == []


def test_images_in_results() -> None:
    image = Image(source=Source(media_type="image/png", data="AAAA"))
    conversation = chat(HI, assistant(use("1")), user(ToolResult(id="1", parts=(Text(text="x"), image))))
    blob = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    body, _ = written(conversation)
    assert body["contents"][2]["parts"][0]["functionResponse"]["parts"] == [blob]
    body, _ = written(conversation, target("gemini-2.5-pro"))
    assert body["contents"][3] == {"role": "user", "parts": [blob]}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (
            Image(source=Source(url="https://x.example/a.webp")),
            {"fileData": {"mimeType": "image/webp", "fileUri": "https://x.example/a.webp"}},
        ),
        (
            Image(source=Source(url="https://x.example/a")),
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://x.example/a"}},
        ),
        (
            Document(source=Source(text="hé")),
            {"inlineData": {"mimeType": "text/plain", "data": "aMOp"}},
        ),
        (Audio(source=Source(data="AAAA")), {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}),
        (
            Document(source=Source(file_id="files/abc", media_type="application/pdf")),
            {"fileData": {"fileUri": "files/abc", "mimeType": "application/pdf"}},
        ),
        (
            Image(source=Source(file_id="gs://a/b", media_type=""), detail="auto"),
            {"fileData": {"fileUri": "gs://a/b"}},
        ),
        (Refusal(text="no"), {"text": "no"}),
    ],
)
def test_files(part: Any, expected: Any) -> None:
    body, lost = written(chat(user(part)))
    assert body["contents"][0]["parts"] == [expected]
    assert lost == []


def test_what_cannot_be_said_is_named() -> None:
    raw = msgspec.Raw(b"{}")
    body, lost = written(
        chat(
            Message(role=Role.USER, parts=(Text(text="a", cache=CacheFor.DEFAULT),), name="bob"),
            assistant(
                Thinking(text="hm", signature="s", format=Format.MESSAGES),
                Text(text="b", citations=(Citation(url="u"),)),
            ),
            user(
                Image(source=Source(file_id="file-1")),
                Foreign(format=Format.CHAT, kind="x", raw=raw),
                Document(source=Source(data="AAAA"), title="t", context="c", cite=True),
                ToolResult(id="1", parts=(Audio(source=Source(data="AAAA")),)),
            ),
            tools=(
                Tool(name="f", strict=True, cache=CacheFor.ONE_HOUR, extra={"eager": raw}),
                Tool(name="g", custom=True),
                Foreign(format=Format.RESPONSES, kind="web_search", raw=raw),
            ),
            parallel_tools=False,
            logit_bias={"1": 1.0},
            verbosity="low",
            user="u",
            metadata={"a": "b"},
            prompt_cache_key="k",
            service_tier="scale",
            seed=2**40,
            stop=("1", "2", "3", "4", "5", "6"),
        )
    )
    assert lost == [
        "messages[0].name",
        "messages[0].content[0].cache_control",
        "messages[1].content[0]",
        "messages[1].content[1].citations",
        "messages[2].content[0]",
        "messages[2].content[1]",
        "messages[2].content[2].title",
        "messages[2].content[2].context",
        "messages[2].content[2].citations",
        "messages[2].content[3].content[0]",
        "tools[0].cache_control",
        "tools[0].strict",
        "tools[0].eager",
        "tools[1]",
        "tools[2]",
        "seed",
        "stop",
        "service_tier",
        "metadata",
        "logit_bias",
        "verbosity",
        "user",
        "prompt_cache_key",
        "parallel_tool_calls",
    ]
    assert body["tools"] == [{"functionDeclarations": [{"name": "f"}]}]
    assert body["generationConfig"] == {"stopSequences": ["1", "2", "3", "4", "5"]}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(choosing=Choosing.AUTO), {"mode": "AUTO"}),
        (ToolChoice(choosing=Choosing.NONE), {"mode": "NONE"}),
        (ToolChoice(choosing=Choosing.REQUIRED), {"mode": "ANY"}),
        (
            ToolChoice(choosing=Choosing.REQUIRED, names=("f",)),
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
        (
            ToolChoice(choosing=Choosing.AUTO, names=("f",)),
            {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
        ),
    ],
)
def test_tool_choice(choice: ToolChoice, config: Any) -> None:
    body, _ = written(chat(tools=(Tool(name="f"),), tool_choice=choice))
    assert body["toolConfig"] == {"functionCallingConfig": config}


@pytest.mark.parametrize(
    ("model", "reasoning", "expected", "lost"),
    [
        ("gemini-3-pro", Reasoning(effort=Effort.MEDIUM), {"thinkingLevel": "MEDIUM"}, []),
        ("gemini-3-pro", Reasoning(effort=Effort.MAX), {"thinkingLevel": "HIGH"}, ["reasoning_effort"]),
        ("gemini-3-pro", Reasoning(effort=Effort.NONE), {"thinkingLevel": "MINIMAL"}, ["reasoning_effort"]),
        ("gemini-3-pro", Reasoning(off=True), {"thinkingLevel": "MINIMAL"}, ["thinking"]),
        (
            "gemini-3-pro",
            Reasoning(budget_tokens=9, shown=True),
            {"thinkingBudget": 9, "includeThoughts": True},
            [],
        ),
        ("gemini-3-pro", Reasoning(adaptive=True), None, []),
        ("gemini-flash-latest", Reasoning(effort=Effort.LOW), {"thinkingLevel": "LOW"}, []),
        ("gemini-2.5-flash", Reasoning(effort=Effort.LOW), {"thinkingBudget": 1024}, []),
        ("gemini-2.5-flash", Reasoning(effort=Effort.XHIGH), {"thinkingBudget": 24576}, ["reasoning_effort"]),
        ("gemini-2.5-flash", Reasoning(off=True), {"thinkingBudget": 0}, []),
        ("gemini-2.5-flash", Reasoning(adaptive=True), {"thinkingBudget": -1}, []),
        ("gemini-2.5-flash", Reasoning(budget_tokens=99_999), {"thinkingBudget": 24576}, ["thinking"]),
        ("gemini-2.5-pro", Reasoning(off=True), {"thinkingBudget": 128}, ["thinking"]),
        ("gemini-2.5-pro", Reasoning(effort=Effort.NONE), {"thinkingBudget": 128}, ["reasoning_effort"]),
        ("gemini-2.5-flash", Reasoning(shown=True), {"includeThoughts": True}, []),
        ("gemini-2.0-flash", Reasoning(effort=Effort.LOW), None, ["reasoning_effort"]),
        ("gemini-2.0-flash", Reasoning(budget_tokens=2048), None, ["thinking"]),
        ("gemini-2.0-flash", Reasoning(effort=Effort.NONE), None, []),
    ],
)
def test_reasoning(model: str, reasoning: Reasoning, expected: Any, lost: list[str]) -> None:
    config, found = config_of(chat(reasoning=reasoning), model)
    assert (config or {}).get("thinkingConfig") == expected
    assert found == lost


def test_output_schemas() -> None:
    schema = Schema(schema=msgspec.Raw(b'{"type":"object"}'), name="n", strict=True)
    said = {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}}
    assert config_of(chat(output_schema=schema)) == (said, [])
    assert config_of(chat(output_schema=Schema())) == ({"responseMimeType": "application/json"}, [])
    tools = (Tool(name="f"),)
    assert config_of(chat(output_schema=schema, tools=tools)) == (said, [])
    assert config_of(chat(output_schema=schema, tools=tools), "gemini-2.5-pro") == (None, ["response_format"])


def test_penalties_are_an_error_for_the_newest() -> None:
    conversation = chat(frequency_penalty=0.5, presence_penalty=0.0)
    said = {"frequencyPenalty": 0.5, "presencePenalty": 0.0}
    assert config_of(conversation, "gemini-3.1-pro-preview") == (said, [])
    assert config_of(conversation, "gemini-3.5-flash") == (None, ["frequency_penalty"])


def test_a_cap_wins_over_the_clients() -> None:
    body, _ = written(chat(max_output_tokens=100), target(cap=10))
    assert body["generationConfig"] == {"maxOutputTokens": 10}
    assert config_of(chat(max_output_tokens=100)) == ({"maxOutputTokens": 100}, [])


@pytest.mark.parametrize(
    ("tier", "dialect", "said", "lost"),
    [
        ("auto", "gemini", None, []),
        ("default", "gemini", "standard", []),
        ("flex", "gemini", "flex", []),
        ("standard_only", "gemini", "standard", []),
        ("default", "vertex", None, []),
        ("priority", "vertex", None, ["service_tier"]),
    ],
)
def test_service_tiers(tier: str, dialect: str, said: str | None, lost: list[str]) -> None:
    body, found = written(chat(service_tier=tier), target(dialect=dialect))
    assert (body.get("serviceTier"), found) == (said, lost)


def test_labels_are_vertexs() -> None:
    vertex = target(dialect="vertex")
    assert written(chat(metadata={"team": "a-1"}), vertex)[0]["labels"] == {"team": "a-1"}
    assert written(chat(metadata={"Team": "A b"}), vertex)[1] == ["metadata"]
    assert written(chat(store=True), vertex)[1] == ["store"]
    assert written(chat(store=False), vertex) == (
        {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
        [],
    )


def test_what_only_gemini_says_is_put_back() -> None:
    raw = msgspec.Raw(b'["TEXT"]')
    conversation = Conversation(
        format=Format.GENERATE_CONTENT,
        messages=(user(Foreign(format=Format.GENERATE_CONTENT, kind="x", raw=msgspec.Raw(b'{"x":1}'))),),
        tools=(
            Tool(name="f", extra={"behavior": msgspec.Raw(b'"BLOCKING"')}),
            Foreign(format=Format.GENERATE_CONTENT, kind="urlContext", raw=msgspec.Raw(b'{"urlContext":{}}')),
        ),
        extra={
            "generationConfig.responseModalities": raw,
            "toolConfig.retrievalConfig": msgspec.Raw(b"{}"),
            "safetySettings": msgspec.Raw(b"[]"),
            "contents[0].parts[0].videoMetadata": msgspec.Raw(b"{}"),
        },
    )
    assert written(conversation) == (
        {
            "contents": [{"role": "user", "parts": [{"x": 1}]}],
            "tools": [
                {"functionDeclarations": [{"name": "f", "behavior": "BLOCKING"}]},
                {"urlContext": {}},
            ],
            "generationConfig": {"responseModalities": ["TEXT"]},
            "toolConfig": {"retrievalConfig": {}},
            "safetySettings": [],
        },
        [],
    )
