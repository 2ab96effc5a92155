"""What clients of Gemini may send: Google's own examples, both spellings, and what is refused."""

import base64
from typing import Any

import msgspec
import pytest
from google.genai import types

from fastgate.domain.conversation import (
    Audio,
    Choosing,
    Conversation,
    Document,
    Effort,
    Foreign,
    Image,
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
    Video,
)
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.envelope import Envelope
from fastgate.wire.gemini import CLIENT
from fastgate.wire.gemini.seal import UNSIGNED, carried
from fastgate.wire.seals import REDACTED, Seal


def read(body: dict[str, Any]) -> Conversation:
    return CLIENT.read_request(msgspec.json.encode(body), "gemini-3-pro")


def read_part(part: dict[str, Any], role: str = "user") -> Any:
    return read({"contents": [{"role": role, "parts": [part]}]}).messages[0].parts[0]


def refusal(body: dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(GatewayError) as raised:
        read(body)
    return raised.value.code, raised.value.param


@pytest.mark.parametrize("depth", [200, 600, 900])
def test_what_the_envelope_lets_through_is_read_or_refused(depth: int) -> None:
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    part = b'{"function_call":{"name":"f","other_name":%b}}' % nested
    body = b'{"contents":[{"role":"model","parts":[%b]}]}' % part
    Envelope.decode(body, Format.GENERATE_CONTENT)
    try:
        CLIENT.read_request(body, None)
    except GatewayError as error:
        assert error.code == "invalid_body"  # noqa: PT017  # how deep is too deep is the interpreter's


def test_parts_outside_a_list_and_a_content_without_a_role() -> None:
    body = {"system_instruction": {"parts": {"text": "Be a cat."}}, "contents": {"parts": {"text": "Hi"}}}
    system, user = read(body).messages
    assert (system.role, system.parts) == (Role.SYSTEM, (Text(text="Be a cat."),))
    assert (user.role, user.parts) == (Role.USER, (Text(text="Hi"),))


def test_both_spellings_are_the_same() -> None:
    camel = {
        "contents": [
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]},
            {
                "role": "model",
                "parts": [
                    {
                        "functionCall": {"id": "c1", "name": "look_up", "args": {"city_name": "x"}},
                        "thoughtSignature": "c2ln",
                    }
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "id": "c1",
                            "name": "look_up",
                            "response": {"wind_speed": {"in_knots": 1}},
                        }
                    }
                ],
            },
        ],
        "toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["look_up"], "mode": "ANY"}},
        "generationConfig": {"maxOutputTokens": 9, "thinkingConfig": {"includeThoughts": True}},
    }
    snake = {
        "contents": [
            {"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}]},
            {
                "role": "model",
                "parts": [
                    {
                        "function_call": {"id": "c1", "name": "look_up", "args": {"city_name": "x"}},
                        "thought_signature": "c2ln",
                    }
                ],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "function_response": {
                            "id": "c1",
                            "name": "look_up",
                            "response": {"wind_speed": {"in_knots": 1}},
                        }
                    }
                ],
            },
        ],
        "tool_config": {"function_calling_config": {"allowed_function_names": ["look_up"], "mode": "ANY"}},
        "generation_config": {"max_output_tokens": 9, "thinking_config": {"include_thoughts": True}},
    }
    assert read(snake) == read(camel)
    call = read(camel).messages[1].parts[0]
    assert call == ToolUse(id="c1", name="look_up", arguments='{"city_name":"x"}', signature="c2ln")
    result = read(camel).messages[2].parts[0]
    assert result == ToolResult(id="c1", name="look_up", parts=(Text(text='{"wind_speed":{"in_knots":1}}'),))


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"text": "a", "thought": True}, Thinking(text="a", format=Format.GENERATE_CONTENT)),
        (
            {"text": "a", "thought": True, "thoughtSignature": "c2ln"},
            Thinking(text="a", signature="c2ln", format=Format.GENERATE_CONTENT),
        ),
        ({"text": "a", "thoughtSignature": "c2ln"}, Text(text="a", signature="c2ln")),
        ({"thoughtSignature": "c2ln"}, Text(text="", signature="c2ln")),
        (
            {"thought": True, "thoughtSignature": "c2ln"},
            Thinking(signature="c2ln", format=Format.GENERATE_CONTENT),
        ),
        (
            {"inlineData": {"mimeType": "image/png", "data": "_-8"}},
            Image(source=Source(media_type="image/png", data="/+8=")),
        ),
        (
            {
                "inlineData": {"mimeType": "image/png", "data": "AAAA"},
                "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"},
            },
            Image(source=Source(media_type="image/png", data="AAAA"), detail="low"),
        ),
        (
            {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
            Audio(source=Source(media_type="audio/wav", data="AAAA")),
        ),
        (
            {"inlineData": {"mimeType": "text/plain", "data": "aGk="}},
            Document(source=Source(media_type="text/plain", text="hi")),
        ),
        (
            {"inlineData": {"mimeType": "text/plain", "data": "////"}},
            Document(source=Source(media_type="text/plain", data="////")),
        ),
        (
            {"fileData": {"fileUri": "https://youtu.be/xyz"}},
            Video(source=Source(url="https://youtu.be/xyz")),
        ),
        (
            {"fileData": {"fileUri": "https://x.example/a.PNG?b=c"}},
            Image(source=Source(url="https://x.example/a.PNG?b=c")),
        ),
        (
            {
                "fileData": {
                    "mimeType": "application/pdf",
                    "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc",
                }
            },
            Document(
                source=Source(
                    media_type="application/pdf",
                    file_id="https://generativelanguage.googleapis.com/v1beta/files/abc",
                )
            ),
        ),
    ],
)
def test_each_kind_of_part(part: dict[str, Any], expected: Any) -> None:
    assert read_part(part) == expected


def test_an_unknown_part_is_kept_as_it_was_written() -> None:
    part = read_part({"executableCode": {"language": "PYTHON", "code": "1"}, "thoughtSignature": "c2ln"})
    assert isinstance(part, Foreign)
    assert (part.format, part.kind) == (Format.GENERATE_CONTENT, "executableCode")
    assert bytes(part.raw) == b'{"executableCode":{"language":"PYTHON","code":"1"},"thoughtSignature":"c2ln"}'


def test_what_qualifies_a_video_is_named_as_extra() -> None:
    part = {"fileData": {"fileUri": "https://youtu.be/x"}, "videoMetadata": {"fps": 5}}
    read_ = read({"contents": [{"parts": [{"text": "a"}, part]}]})
    assert {name: bytes(value) for name, value in read_.extra.items()} == {
        "contents[0].parts[1].videoMetadata": b'{"fps":5}'
    }


@pytest.mark.parametrize(
    ("response", "texts", "is_error"),
    [
        ({"output": "a"}, ("a",), False),
        ({"result": "a"}, ("a",), False),
        ({"output": ["a", "b"]}, ("a", "b"), False),
        ({"error": "no"}, ("no",), True),
        ({"error": {"code": 1}}, ('{"code":1}',), True),
        ({"output": 3}, ('{"output":3}',), False),
        ({"a": 1, "b": None}, ('{"a":1,"b":null}',), False),
        ({}, (), False),
    ],
)
def test_responses_of_functions(response: Any, texts: tuple[str, ...], is_error: bool) -> None:
    part = read_part({"functionResponse": {"name": "f", "response": response}})
    assert part.parts == tuple(Text(text=each) for each in texts)
    assert part.is_error is is_error


def test_files_of_responses() -> None:
    response = {
        "name": "f",
        "response": {"output": "x"},
        "parts": [
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://a", "displayName": "t"}},
            {},
        ],
    }
    assert read_part({"functionResponse": response}).parts == (
        Text(text="x"),
        Image(source=Source(media_type="image/png", data="AAAA")),
        Document(source=Source(media_type="application/pdf", url="gs://a"), title="t"),
    )


def test_calls_without_ids_get_the_same_on_every_turn_and_meet_their_responses() -> None:
    def call(name: str) -> dict[str, Any]:
        return {"functionCall": {"name": name, "args": {}}}

    def response(name: str) -> dict[str, Any]:
        return {"functionResponse": {"name": name, "response": {"output": "x"}}}

    contents = [
        {"role": "user", "parts": [{"text": "go"}]},
        {"role": "model", "parts": [call("f"), call("g"), call("f")]},
        {"role": "function", "parts": [response("g"), response("f"), response("f")]},
    ]
    first = read({"contents": contents}).messages
    uses = [part.id for part in first[1].parts if isinstance(part, ToolUse)]
    results = [part.id for part in first[2].parts if isinstance(part, ToolResult)]
    assert results == [uses[1], uses[0], uses[2]]
    assert len(set(uses)) == 3
    later = read({"contents": [*contents, {"role": "user", "parts": [{"text": "more"}]}]}).messages
    assert later[: len(first)] == first


@pytest.mark.parametrize("stand_in", UNSIGNED)
def test_what_stands_for_no_signature_is_none(stand_in: str) -> None:
    part = read_part({"functionCall": {"name": "f"}, "thoughtSignature": stand_in}, "model")
    assert part == ToolUse(id="call_0_0", name="f", arguments="{}")


@pytest.mark.parametrize("urlsafe", [False, True])
def test_another_formats_seal_comes_back_through_a_client(urlsafe: bool) -> None:
    """google-genai decodes signatures and encodes them again, in the other alphabet of base64."""
    seal = Seal(Format.MESSAGES, "ErUB+/" * 7)
    sent = carried(seal)
    if urlsafe:
        sent = base64.urlsafe_b64encode(base64.b64decode(sent)).decode()
    part = read_part({"text": "hm", "thought": True, "thoughtSignature": sent}, "model")
    assert part == Thinking(text="hm", signature=seal.text, format=Format.MESSAGES)
    redacted = carried(Seal(Format.MESSAGES, "abc", REDACTED))
    part = read_part({"text": "", "thought": True, "thoughtSignature": redacted}, "model")
    assert part == Thinking(redacted="abc", format=Format.MESSAGES)


def test_tools() -> None:
    said = read(
        {
            "contents": [],
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "f", "description": "d", "parameters": {"type": "OBJECT"}},
                        {"name": "g", "parametersJsonSchema": {"type": "object", "$defs": {}}},
                        {"name": "h", "behavior": "BLOCKING"},
                    ],
                    "googleSearch": {"excludeDomains": ["a"]},
                },
                {"codeExecution": {}},
            ],
        }
    )
    f, g, h, search, code = said.tools
    assert isinstance(f, Tool)
    assert f.parameters is not None
    assert (f.description, bytes(f.parameters)) == ("d", b'{"type":"object"}')
    assert isinstance(g, Tool)
    assert g.parameters is not None
    assert bytes(g.parameters) == b'{"type":"object","$defs":{}}'
    assert isinstance(h, Tool)
    assert {name: bytes(value) for name, value in h.extra.items()} == {"behavior": b'"BLOCKING"'}
    assert isinstance(search, Foreign)
    assert bytes(search.raw) == b'{"googleSearch":{"excludeDomains":["a"]}}'
    assert isinstance(code, Foreign)
    assert code.kind == "codeExecution"


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "AUTO"}, ToolChoice(choosing=Choosing.AUTO)),
        ({"mode": "any"}, ToolChoice(choosing=Choosing.REQUIRED)),
        (
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
            ToolChoice(choosing=Choosing.REQUIRED, names=("f",)),
        ),
        (
            {"mode": "VALIDATED", "allowedFunctionNames": ["f"]},
            ToolChoice(choosing=Choosing.AUTO, names=("f",)),
        ),
        ({"mode": "NONE"}, ToolChoice(choosing=Choosing.NONE)),
        ({"mode": "MODE_UNSPECIFIED"}, None),
        (None, None),
    ],
)
def test_tool_choice(config: Any, choice: ToolChoice | None) -> None:
    assert read({"contents": [], "toolConfig": {"functionCallingConfig": config}}).tool_choice == choice


def test_generation_config() -> None:
    said = read(
        {
            "contents": [],
            "generationConfig": {
                "temperature": 1.5,
                "topP": 0.5,
                "topK": 40.0,
                "candidateCount": 2,
                "maxOutputTokens": "100",
                "stopSequences": ["a"],
                "presencePenalty": 1,
                "frequencyPenalty": -1,
                "seed": 7,
                "responseLogprobs": True,
                "logprobs": 3,
                "responseModalities": ["TEXT"],
                "speechConfig": {"languageCode": "de"},
            },
            "cachedContent": "cachedContents/1",
            "safetySettings": [],
            "labels": {"team": "a"},
            "serviceTier": "standard",
            "store": False,
        }
    )
    assert (said.temperature, said.top_p, said.top_k, said.n, said.max_output_tokens) == (
        1.5,
        0.5,
        40,
        2,
        100,
    )
    assert (said.stop, said.presence_penalty, said.frequency_penalty, said.seed) == (("a",), 1, -1, 7)
    assert (said.logprobs, said.top_logprobs) == (True, 3)
    assert (said.metadata, said.service_tier, said.store) == ({"team": "a"}, "default", False)
    assert set(said.extra) == {
        "generationConfig.responseModalities",
        "generationConfig.speechConfig",
        "cachedContent",
        "safetySettings",
    }


@pytest.mark.parametrize(
    ("config", "schema"),
    [
        ({"responseMimeType": "application/json"}, Schema()),
        ({"responseMimeType": "text/plain"}, None),
        ({}, None),
    ],
)
def test_output_without_a_schema(config: Any, schema: Schema | None) -> None:
    assert read({"contents": [], "generationConfig": config}).output_schema == schema


def test_an_enum_as_plain_text_is_geminis_alone() -> None:
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a"]}}
    said = read({"contents": [], "generationConfig": config})
    assert said.output_schema is None
    assert set(said.extra) == {"generationConfig.responseMimeType", "generationConfig.responseSchema"}


def test_null_is_absent() -> None:
    body = {"contents": None, "generationConfig": None, "toolConfig": None, "tools": None, "labels": None}
    with pytest.raises(GatewayError):
        read(body)
    said = read({**body, "contents": [], "systemInstruction": None, "store": None, "serviceTier": None})
    assert said == Conversation(format=Format.GENERATE_CONTENT, messages=())


def test_output_schemas() -> None:
    own = {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "ARRAY", "items": {"type": "STRING"}},
    }
    found = read({"contents": [], "generationConfig": own}).output_schema
    assert found is not None
    assert found.schema is not None
    assert bytes(found.schema) == b'{"type":"array","items":{"type":"string"}}'
    given = {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}}
    found = read({"contents": [], "generationConfig": given}).output_schema
    assert found is not None
    assert found.schema is not None
    assert bytes(found.schema) == b'{"type":"object"}'


@pytest.mark.parametrize(
    ("config", "reasoning"),
    [
        ({"thinkingBudget": 0}, Reasoning(off=True)),
        ({"thinkingBudget": -1, "includeThoughts": True}, Reasoning(adaptive=True, shown=True)),
        ({"thinkingBudget": 512}, Reasoning(budget_tokens=512)),
        ({"thinkingLevel": "low"}, Reasoning(effort=Effort.LOW)),
        *[({"thinkingLevel": each.value}, None) for each in types.ThinkingLevel],
    ],
)
def test_thinking(config: Any, reasoning: Reasoning | None) -> None:
    said = read({"contents": [], "generationConfig": {"thinkingConfig": config}}).reasoning
    if reasoning is not None:
        assert said == reasoning
    elif config["thinkingLevel"] != "THINKING_LEVEL_UNSPECIFIED":
        assert said is not None
        assert said.effort is not None


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_field", "contents"),
        ({"contents": 1}, "invalid_field", "contents"),
        ({"contents": [1]}, "invalid_field", "contents[0]"),
        ({"contents": [{"role": "system", "parts": []}]}, "invalid_field", "contents[0].role"),
        ({"contents": [{"parts": 1}]}, "invalid_field", "contents[0].parts"),
        ({"contents": [{"parts": [{"text": 1}]}]}, "invalid_field", "contents[0].parts[0].text"),
        (
            {"contents": [{"parts": [{"functionCall": {"args": {}}}]}]},
            "invalid_field",
            "contents[0].parts[0].functionCall.name",
        ),
        (
            {"contents": [{"parts": [{"functionCall": {"name": "f", "args": []}}]}]},
            "invalid_field",
            "contents[0].parts[0].functionCall.args",
        ),
        (
            {"contents": [{"parts": [{"functionResponse": {"name": "f", "response": 1}}]}]},
            "invalid_field",
            "contents[0].parts[0].functionResponse.response",
        ),
        (
            {"contents": [], "tools": {"a": 1, "functionDeclarations": 1}},
            "invalid_field",
            "tools[0].functionDeclarations",
        ),
        (
            {"contents": [], "tools": [{"functionDeclarations": [{"description": "d"}]}]},
            "missing_field",
            "tools[0].functionDeclarations[0].name",
        ),
        (
            {"contents": [], "tools": [{"functionDeclarations": [{"name": "f", "parameters": 1}]}]},
            "invalid_field",
            "tools[0].functionDeclarations[0].parameters",
        ),
        (
            {"contents": [], "toolConfig": {"functionCallingConfig": {"mode": "SOME"}}},
            "invalid_field",
            "toolConfig.functionCallingConfig.mode",
        ),
        ({"contents": [], "generationConfig": {"topP": "x"}}, "invalid_field", "generationConfig.topP"),
        ({"contents": [], "generation_config": {"top_p": {}}}, "invalid_field", "generationConfig.topP"),
        (
            {"contents": [], "generationConfig": {"thinkingConfig": {"thinkingLevel": "SOME"}}},
            "invalid_field",
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        (
            {"contents": [], "generationConfig": {"responseSchema": []}},
            "invalid_field",
            "generationConfig.responseSchema",
        ),
        ({"contents": [], "labels": {"a": 1}}, "invalid_field", "labels[...]"),
        ({"contents": [], "store": "x"}, "invalid_field", "store"),
    ],
)
def test_refusals_name_the_field(body: Any, code: str, param: str) -> None:
    assert refusal(body) == (code, param)
