"""The small pieces: schemas, spellings, models, seals, problems, counting."""

from typing import Any

import msgspec
import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from tests.support.discovery import faults

from fastgate.domain.conversation import Text
from fastgate.domain.format import Format
from fastgate.errors import ERRORS, GatewayError
from fastgate.wire.gemini import CLIENT
from fastgate.wire.gemini.count import count_answer, read_count_request
from fastgate.wire.gemini.models import generation, thinking_budgets
from fastgate.wire.gemini.problem import error_in, problem_object, status_of
from fastgate.wire.gemini.schema import json_schema
from fastgate.wire.gemini.seal import carried, opened
from fastgate.wire.gemini.spelling import camel, camelled
from fastgate.wire.interface import Problem
from fastgate.wire.seals import HERE, REDACTED, Seal


def converted(schema: Any) -> Any:
    return msgspec.json.decode(json_schema(msgspec.Raw(msgspec.json.encode(schema)), "x"))


def test_schemas() -> None:
    assert converted(
        {
            "type": "OBJECT",
            "property_ordering": ["b", "a_b"],
            "properties": {
                "a_b": {"type": "STRING", "nullable": True, "enum": ["x"], "minLength": "2"},
                "b": {
                    "type": "ARRAY",
                    "min_items": "1",
                    "items": {"anyOf": [{"type": "NUMBER"}, {"type": "NULL"}]},
                },
                "c": {"any_of": [{"type": "INTEGER", "format": "int64"}], "nullable": True, "example": 3},
                "d": {"type": "TYPE_UNSPECIFIED", "description": "d"},
            },
            "required": ["b"],
        }
    ) == {
        "type": "object",
        "properties": {
            "b": {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
            "a_b": {"type": ["string", "null"], "enum": ["x", None], "minLength": 2},
            "c": {
                "anyOf": [
                    {"anyOf": [{"type": "integer", "format": "int64"}], "examples": [3]},
                    {"type": "null"},
                ]
            },
            "d": {"description": "d"},
        },
        "required": ["b"],
    }


def test_a_schema_keeps_its_order() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"a": {}, "b": {}, "c": {}},
        "propertyOrdering": ["c", "x", "a"],
    }
    assert list(converted(schema)["properties"]) == ["c", "a", "b"]


def test_a_schema_of_json_is_left_alone() -> None:
    schema = {
        "type": ["string", "null"],
        "additionalProperties": False,
        "properties": {"type": {"type": "string"}},
    }
    assert converted(schema) == schema


@pytest.mark.parametrize("kind", types.Type)
def test_every_type_of_the_sdk_is_one_of_json_schema(kind: types.Type) -> None:
    known = {"string", "number", "integer", "boolean", "array", "object", "null", None}
    assert converted({"type": kind.value}).get("type") in known


def test_spellings() -> None:
    assert camel("thought_signature") == "thoughtSignature"
    assert camel("_private") == "_private"
    body = b'{"systemInstruction": {"parts": []}, "a":"x_y"}'
    assert camelled(body) is body
    assert msgspec.json.decode(
        camelled(b'{"a_b":{"args":{"c_d":1},"e_f":[{"g_h":2}],"response":{"i_j":3}}}')
    ) == {"aB": {"args": {"c_d": 1}, "eF": [{"gH": 2}], "response": {"i_j": 3}}}


def test_numbers_survive_being_spelled_anew() -> None:
    assert (
        camelled(b'{"a_b":123456789012345678901234567890,"c":1.0}')
        == b'{"aB":123456789012345678901234567890,"c":1.0}'
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemini-2.5-flash", (2, 5)),
        ("gemini-3-pro-preview", (3, 0)),
        ("models/gemini-3.5-flash-lite", (3, 5)),
        ("publishers/google/models/gemini-2.0-flash-001", (2, 0)),
        ("gemini-live-2.5-flash", (2, 5)),
        ("gemini-flash-latest", (99, 0)),
        ("tunedModels/mine", (99, 0)),
        ("Gemini-1.5-Pro", (1, 5)),
    ],
)
def test_generations(model: str, expected: tuple[int, int]) -> None:
    assert generation(model) == expected


def test_budgets() -> None:
    assert thinking_budgets("gemini-2.5-pro") == (128, 32_768)
    assert thinking_budgets("gemini-2.5-flash") == (0, 24_576)


@given(st.sampled_from(Format), st.text(max_size=30), st.booleans())
def test_a_seal_comes_back(format_: Format, text: str, redacted: bool) -> None:
    seal = Seal(format_, text, REDACTED if redacted and format_ is not Format.GENERATE_CONTENT else HERE)
    assert opened(carried(seal)) == seal


@given(st.text(max_size=60))
def test_any_other_signature_is_geminis(signature: str) -> None:
    assert opened(signature) == (Format.GENERATE_CONTENT, signature, HERE)


@pytest.mark.parametrize(
    "signature", ["ZmFzdGdhdGU", "ZmFzdGdhdGUu!", "ZmFzdGdhdGUuYS5iLmM=", "ZmFzdGdhdG//"]
)
def test_what_looks_like_a_carried_seal_and_is_none(signature: str) -> None:
    assert opened(signature) == (Format.GENERATE_CONTENT, signature, HERE)


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_problems_are_in_googles_shape(code: str) -> None:
    spec = ERRORS[code]
    found = problem_object(Problem(spec.status, "m", spec.type, code, "a.b", "req-1"))
    status = msgspec.convert(found["error"], type=dict[str, Any])
    assert status["code"] == spec.status
    assert faults("gemini", "Status", {key: status[key] for key in ("code", "message", "details")}) == []
    read = error_in(msgspec.json.encode(found))
    assert read is not None
    assert status_of(read) == spec.status
    info = status["details"][0]
    assert (info["reason"], info["metadata"]) == (code.upper(), {"param": "a.b"})


def test_a_problem_without_details() -> None:
    found = problem_object(Problem(418, "m", "t", None, None, ""))
    assert found == {"error": {"code": 418, "message": "m", "status": "UNKNOWN"}}
    assert problem_object(Problem(599, "m", "t", None, None, ""))["error"]["status"] == "INTERNAL"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"error":null}', b'{"error":"x"}', b"\xff", b"[" * 99_999]
)
def test_bodies_without_an_error(body: bytes) -> None:
    assert error_in(body) is None


@pytest.mark.parametrize(
    "body",
    [
        {"contents": [{"parts": [{"text": "a"}]}], "systemInstruction": {"parts": [{"text": "s"}]}},
        {
            "generateContentRequest": {
                "model": "models/x",
                "contents": [{"parts": [{"text": "a"}]}],
                "system_instruction": {"parts": [{"text": "s"}]},
            }
        },
    ],
)
def test_requests_for_a_count(body: Any) -> None:
    said = read_count_request(msgspec.json.encode(body))
    assert [part for message in said.messages for part in message.parts] == [
        Text(text="s"),
        Text(text="a"),
    ]


def test_a_count_of_no_object() -> None:
    with pytest.raises(GatewayError) as raised:
        read_count_request(b'{"generateContentRequest":[]}')
    assert raised.value.param == "generateContentRequest"


def test_counts() -> None:
    assert faults("gemini", "CountTokensResponse", msgspec.json.decode(count_answer(3))) == []


def test_the_text_of_requests_and_answers() -> None:
    request = {
        "system_instruction": {"parts": [{"text": "s"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "u"}, {"inlineData": {"mimeType": "a", "data": "AAAA"}}]},
            {"role": "model", "parts": [{"functionCall": {"id": "i", "name": "f", "args": {"a": 1}}}]},
            {"parts": [{"functionResponse": {"name": "f", "response": {"output": "r"}}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "generationConfig": {"stopSequences": ["no"]},
    }
    assert CLIENT.text(msgspec.json.encode(request)) == (
        's\nu\nf\n{"a":1}\nf\n{"output":"r"}\n[{"name":"f"}]'
    )
    answer = {
        "candidates": [{"content": {"parts": [{"text": "a"}, {"text": "b", "thought": True}]}}],
        "responseId": "x",
    }
    assert CLIENT.text(msgspec.json.encode(answer)) == "a\nb"
    for body in (b"", b"\xff", b"1", b"[" * 99_999):
        assert CLIENT.text(body) == ""
