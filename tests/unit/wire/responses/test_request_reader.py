"""Requests as the SDKs and Codex send them."""

from typing import Any

import msgspec
import pytest
from tests.support.responses_schema import checked_request
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
)
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.errors import GatewayError
from fastgate.wire.formats import PROVIDERS
from fastgate.wire.interface import Losses, raw
from fastgate.wire.responses import CLIENT


def read(**members: Any) -> Conversation:
    """Of a body that fits the SDK's types."""
    return CLIENT.read_request(checked_request({"model": "m", "input": "hi", **members}), None)


def lenient(**members: Any) -> Conversation:
    """Of a body that the SDK's types have no place for."""
    return CLIENT.read_request(msgspec.json.encode({"model": "m", "input": "hi", **members}), None)


def messages(*items: dict[str, Any]) -> list[Message]:
    return list(read(input=list(items)).messages)


def parts(*content: dict[str, Any]) -> list[Part]:
    (message,) = messages({"role": "user", "content": list(content)})
    return list(message.parts)


def test_a_text() -> None:
    request = read(instructions="Be kind.")
    assert request.format is Format.RESPONSES
    assert request.messages == (
        Message(role=Role.SYSTEM, parts=(Text(text="Be kind."),)),
        Message(role=Role.USER, parts=(Text(text="hi"),)),
    )
    assert request.extra == {}


def test_messages_easy_and_typed() -> None:
    said = messages(
        {"role": "developer", "content": "d"},
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "s"}]},
        {"role": "user", "content": "u"},
        {"role": "user", "content": "v"},
        {
            "type": "message",
            "id": "msg_1",
            "status": "completed",
            "role": "assistant",
            "content": [
                {
                    "type": "output_text",
                    "text": "a",
                    "annotations": [
                        {
                            "type": "url_citation",
                            "url": "https://a.example",
                            "title": "T",
                            "start_index": 0,
                            "end_index": 1,
                        }
                    ],
                },
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {"role": "assistant", "content": "b", "phase": "final_answer"},
    )
    assert [(message.role, len(message.parts)) for message in said] == [
        (Role.DEVELOPER, 1),
        (Role.SYSTEM, 1),
        (Role.USER, 1),
        (Role.USER, 1),
        (Role.ASSISTANT, 3),
    ]
    cited, refusal, more = said[-1].parts
    assert isinstance(cited, Text)
    (citation,) = cited.citations
    assert citation == Citation(
        url="https://a.example", title="T", start=0, end=1, format=Format.RESPONSES, raw=citation.raw
    )
    assert (refusal, more) == (Refusal(text="no"), Text(text="b"))


def test_a_tool_loop_is_one_message_a_turn() -> None:
    said = messages(
        {"role": "user", "content": "u"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "", "id": "fc_2"},
        {"type": "custom_tool_call", "call_id": "c3", "name": "g", "input": "free"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "two"},
                {"type": "input_image", "image_url": "https://a.example/i", "detail": "low"},
            ],
        },
        {"type": "custom_tool_call_output", "call_id": "c3", "output": ""},
    )
    assert said[1:] == [
        Message(
            role=Role.ASSISTANT,
            parts=(
                Thinking(text="hm", format=Format.RESPONSES),
                Text(text="Let me see."),
                ToolUse(id="c1", name="f", arguments='{"a":1}'),
                ToolUse(id="c2", name="f", arguments="{}"),
                ToolUse(id="c3", name="g", arguments="free", custom=True),
            ),
        ),
        Message(role=Role.USER, parts=(ToolResult(id="c1", parts=(Text(text="one"),)),)),
        Message(
            role=Role.USER,
            parts=(
                ToolResult(
                    id="c2",
                    parts=(
                        Text(text="two"),
                        Image(source=Source(url="https://a.example/i"), detail="low"),
                    ),
                ),
            ),
        ),
        Message(role=Role.USER, parts=(ToolResult(id="c3", parts=()),)),
    ]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"summary": []}, None),
        ({"summary": [], "encrypted_content": None}, None),
        (
            {"summary": [], "encrypted_content": "gAAAA.b.c.d"},
            Thinking(signature="gAAAA.b.c.d", format=Format.RESPONSES),
        ),
        (
            {"summary": [], "encrypted_content": "fastgate.nobody.here.x"},
            Thinking(signature="fastgate.nobody.here.x", format=Format.RESPONSES),
        ),
        (
            {"summary": [{"type": "summary_text", "text": t} for t in "ab"], "encrypted_content": "e"},
            Thinking(text="a\n\nb", signature="e", format=Format.RESPONSES),
        ),
        (
            {"summary": [], "content": [{"type": "reasoning_text", "text": "all"}]},
            Thinking(text="all", format=Format.RESPONSES),
        ),
        (
            {
                "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "fastgate.messages.here.a.b",
            },
            Thinking(text="hm", signature="a.b", format=Format.MESSAGES),
        ),
        (
            {"summary": [], "encrypted_content": "fastgate.converse.redacted.x"},
            Thinking(redacted="x", format=Format.CONVERSE),
        ),
    ],
)
def test_reasoning(item: dict[str, Any], expected: Thinking | None) -> None:
    said = messages({"type": "reasoning", "id": "rs_1", **item}, {"role": "user", "content": "u"})
    assert said[:-1] == ([] if expected is None else [Message(role=Role.ASSISTANT, parts=(expected,))])


def test_a_seal_ahead_belongs_to_what_follows() -> None:
    ahead = {"type": "reasoning", "id": "rs_1", "summary": []}
    ahead |= {"encrypted_content": "fastgate.generate_content.ahead.s"}
    (message,) = messages(
        ahead,
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": "b"},
        ahead,
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        ahead,
        {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": "x"},
    )
    assert [getattr(part, "signature", None) for part in message.parts] == ["s", None, "s", "s"]


def test_parts() -> None:
    point = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    hour = {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}
    assert parts(
        {"type": "input_text", "text": "t", **point},
        {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "high", **hour},
        {"type": "input_image", "file_id": "file-1", "detail": "auto"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
        {"type": "input_file", "file_url": "https://a.example/a.pdf"},
        {"type": "input_file", "file_id": "file-2", **point},
    ) == [
        Text(text="t", cache=CacheFor.DEFAULT),
        Image(source=Source(media_type="image/png", data="QUJD"), detail="high", cache=CacheFor.ONE_HOUR),
        Image(source=Source(file_id="file-1"), detail="auto"),
        Document(source=Source(media_type="application/pdf", data="QUJD"), title="a.pdf"),
        Document(source=Source(url="https://a.example/a.pdf")),
        Document(source=Source(file_id="file-2"), cache=CacheFor.DEFAULT),
    ]


def test_parts_that_the_types_of_requests_leave_out() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}}
    shot = {"type": "computer_screenshot", "image_url": "https://a.example"}
    (message,) = lenient(
        input=[{"role": "user", "content": [sound, shot, {"type": "text", "text": "t"}]}]
    ).messages
    assert message.parts == (
        Audio(source=Source(media_type="audio/mpeg", data="QUJD")),
        Foreign(format=Format.RESPONSES, kind="computer_screenshot", raw=raw(shot)),
        Text(text="t"),
    )


def test_items_of_hosted_tools() -> None:
    search = {"type": "web_search_call", "id": "ws", "status": "completed"}
    shell = {"type": "local_shell_call_output", "id": "ls", "output": "x"}
    said = lenient(input=[{"role": "user", "content": "u"}, search, shell]).messages
    assert said[1:] == (
        Message(
            role=Role.ASSISTANT,
            parts=(Foreign(format=Format.RESPONSES, kind="web_search_call", raw=raw(search)),),
        ),
        Message(
            role=Role.USER,
            parts=(Foreign(format=Format.RESPONSES, kind="local_shell_call_output", raw=raw(shell)),),
        ),
    )


def test_tools() -> None:
    search = {"type": "web_search", "search_context_size": "low"}
    lark = {"type": "grammar", "syntax": "lark", "definition": "start: A"}
    request = read(
        tools=[
            {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
            {
                "type": "function",
                "name": "g",
                "description": "D",
                "parameters": None,
                "strict": None,
                "defer_loading": True,
            },
            search,
            {"type": "custom", "name": "c", "description": "D", "format": lark},
            {"type": "custom", "name": "d", "format": {"type": "text"}},
        ]
    )
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: A"}}
    assert request.tools == (
        Tool(name="f", parameters=raw({"type": "object"}), strict=True),
        Tool(name="g", description="D", extra={"defer_loading": raw(True)}),
        Foreign(format=Format.RESPONSES, kind="web_search", raw=raw(search)),
        Tool(name="c", description="D", parameters=raw(grammar), custom=True),
        Tool(name="d", custom=True),
    )


F = {"type": "function", "name": "f"}
C = {"type": "custom", "name": "c"}
HOSTED = {"type": "file_search"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("auto", ToolChoice(choosing=Choosing.AUTO)),
        ("none", ToolChoice(choosing=Choosing.NONE)),
        ("required", ToolChoice(choosing=Choosing.REQUIRED)),
        (F, ToolChoice(choosing=Choosing.REQUIRED, names=("f",))),
        (C, ToolChoice(choosing=Choosing.REQUIRED, names=("c",))),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [F, HOSTED, C]},
            ToolChoice(choosing=Choosing.AUTO, names=("f", "c")),
        ),
        (
            {"type": "allowed_tools", "mode": "required", "tools": [F]},
            ToolChoice(choosing=Choosing.REQUIRED, names=("f",)),
        ),
    ],
)
def test_choices(said: Any, expected: ToolChoice) -> None:
    request = read(tool_choice=said)
    assert request.tool_choice == expected
    assert request.extra == {}


@pytest.mark.parametrize("said", [HOSTED, {"type": "allowed_tools", "mode": "required", "tools": [HOSTED]}])
def test_a_choice_of_hosted_tools_is_kept_as_written(said: Any) -> None:
    request = read(tool_choice=said)
    assert request.tool_choice is None
    assert request.extra == {"tool_choice": raw(said)}


def test_scalars() -> None:
    request = read(
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.25,
        parallel_tool_calls=False,
        service_tier="flex",
        safety_identifier="u",
        metadata={"a": "b"},
        store=False,
        prompt_cache_key="k",
        text={"verbosity": "low", "format": {"type": "text"}},
        reasoning={"effort": "xhigh", "summary": "auto"},
        truncation="disabled",
        background=False,
        include=["reasoning.encrypted_content"],
        previous_response_id=None,
        stream_options={"include_obfuscation": False},
    )
    assert (request.max_output_tokens, request.temperature, request.top_p) == (9, 0.5, 0.25)
    assert (request.parallel_tools, request.service_tier, request.user) == (False, "flex", "u")
    assert (request.metadata, request.store, request.prompt_cache_key) == ({"a": "b"}, False, "k")
    assert (request.verbosity, request.output_schema) == ("low", None)
    assert request.reasoning == Reasoning(effort=Effort.XHIGH, shown=True)
    assert request.extra == {}
    assert request.logprobs is None


def test_open_responses_and_options() -> None:
    request = lenient(presence_penalty=1, frequency_penalty=-1, provider_options={"x": {"y": 1}}, user="u")
    assert (request.presence_penalty, request.frequency_penalty) == (1.0, -1.0)
    assert request.options == {"x": {"y": raw(1)}}
    assert request.user == "u"


def test_structured_output() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    assert read(text={"format": schema}).output_schema == Schema(
        schema=raw({"type": "object"}), name="n", strict=True
    )
    assert read(text={"format": {"type": "json_object"}}).output_schema == Schema()


@pytest.mark.parametrize(
    "said",
    [{"include": ["message.output_text.logprobs"], "top_logprobs": 2}, {"top_logprobs": 2}],
)
def test_logprobs(said: dict[str, Any]) -> None:
    request = read(**said)
    assert (request.logprobs, request.top_logprobs, request.extra) == (True, 2, {})


def test_what_has_no_neutral_meaning_is_kept() -> None:
    request = read(
        include=["file_search_call.results", "reasoning.encrypted_content"],
        reasoning={"context": "all_turns"},
        truncation="auto",
        max_tool_calls=3,
        stream_options={"include_obfuscation": True},
        prompt_cache_retention="24h",
    )
    assert request.reasoning is None
    assert request.extra == {
        "include": raw(["file_search_call.results"]),
        "reasoning.context": raw("all_turns"),
        "truncation": raw("auto"),
        "max_tool_calls": raw(3),
        "stream_options": raw({"include_obfuscation": True}),
        "prompt_cache_retention": raw("24h"),
    }


@pytest.mark.parametrize(
    ("members", "code", "param"),
    [
        ({"input": None}, "missing_field", "input"),
        ({"input": 3}, "invalid_field", "input"),
        ({"input": [3]}, "invalid_field", "input[0]"),
        ({"input": [{"role": "tool", "content": "x"}]}, "invalid_field", "input[0].role"),
        ({"input": [{"role": "user"}]}, "missing_field", "input[0].content"),
        ({"input": [{"role": "user", "content": [{}]}]}, "missing_field", "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
            "missing_field",
            "input[0].content[0].text",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            "missing_field",
            "input[0].content[0].image_url",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "missing_field",
            "input[0].content[0].file_data",
        ),
        (
            {"input": [{"type": "function_call_output", "output": "x"}]},
            "missing_field",
            "input[0].call_id",
        ),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "invalid_field", "input[0]"),
        ({"input": [{"id": "msg_1"}]}, "invalid_field", "input[0]"),
        ({"tools": [{"name": "f"}]}, "missing_field", "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "missing_field", "tools[0].name"),
        ({"tool_choice": "any"}, "invalid_field", "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "missing_field", "tool_choice.name"),
        ({"tool_choice": {"type": "allowed_tools"}}, "missing_field", "tool_choice.tools"),
        (
            {"tool_choice": {"type": "allowed_tools", "tools": [{"type": "custom"}]}},
            "missing_field",
            "tool_choice.tools[0].name",
        ),
        ({"text": {"format": {"type": "json_schema"}}}, "missing_field", "text.format.schema"),
        ({"text": {"format": {"type": "xml"}}}, "invalid_field", "text.format.type"),
        ({"reasoning": {"effort": "huge"}}, "invalid_field", "reasoning.effort"),
        ({"max_output_tokens": "1"}, "invalid_field", "max_output_tokens"),
        ({"background": True}, "invalid_field", "background"),
        ({"conversation": "conv_1"}, "invalid_field", "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "invalid_field", "prompt"),
        ({"previous_response_id": "resp_1"}, "invalid_field", "previous_response_id"),
    ],
)
def test_refusals(members: dict[str, Any], code: str, param: str) -> None:
    with pytest.raises(GatewayError) as caught:
        lenient(**members)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert param in caught.value.message


CODEX: dict[str, Any] = {
    "model": "gpt-5.5-codex",
    "instructions": "You are Codex.",
    "input": [
        {
            "type": "message",
            "role": "developer",
            "content": [{"type": "input_text", "text": "<permissions>"}],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "List files."}]},
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "content": None,
            "encrypted_content": "gAAAA",
        },
        {
            "type": "function_call",
            "name": "exec_command",
            "arguments": '{"cmd":"ls"}',
            "call_id": "call_1",
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "a.py"},
    ],
    "tools": [
        {
            "type": "function",
            "name": "exec_command",
            "description": "Runs",
            "strict": False,
            "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}},
        },
        {"type": "web_search", "external_web_access": False},
        {"type": "multi_agent_v1"},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "0199",
    "client_metadata": {"x-codex-installation-id": "1"},
    "text": {"verbosity": "low"},
}


@pytest.mark.parametrize("spoken", sorted(CONVERSATIONS & PROVIDERS.keys()))
def test_what_codex_sends_goes_to_every_provider(spoken: Format) -> None:
    """What they cannot be told is named."""
    request = lenient(**CODEX)
    losses = Losses()
    body = PROVIDERS[spoken].write_request(request, target("m", stream=True), losses)
    assert b"exec_command" in msgspec.json.encode(body)
    assert {"tools[1]", "tools[2]"} <= set(losses.names)
    assert "tools[0]" not in losses.names
    assert request.extra == {"client_metadata": raw({"x-codex-installation-id": "1"})}


def test_the_text_to_count() -> None:
    body = checked_request({"model": "m", "input": "question", "instructions": "Be kind."})
    assert CLIENT.text(body) == "Be kind.question"
