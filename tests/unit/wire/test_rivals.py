"""Of members that say the same thing the reader takes the first; what another one says is named."""

from typing import Any

import pytest

from fastgate.domain.format import Format
from fastgate.wire.reference.requests import SIDES, read, written

_ASK = {"role": "user", "content": "Hi"}
_TOOL = {"name": "f", "parameters": {"type": "object"}}
_IMAGE = {"type": "input_image", "image_url": "https://images.example/a.png", "file_id": "file-1"}
_FILE = {"type": "input_file", "file_id": "file-1", "file_url": "https://a.example/b", "file_data": "aGk="}
_THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "In short."}],
    "content": [{"type": "reasoning_text", "text": "At length."}],
}
_SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
_OF_GOOGLE = {"type": "OBJECT", "properties": {"b": {"type": "STRING"}}}
_S3 = {"uri": "s3://bucket/key"}


def _message(part: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [part], **more}]}


_SAID: list[tuple[Format, dict[str, Any], set[str]]] = [
    (
        Format.CHAT,
        {"max_completion_tokens": 5, "max_tokens": 6, "user": "a", "safety_identifier": "b"},
        {"max_tokens", "safety_identifier"},
    ),
    (
        Format.CHAT,
        {
            "tools": [{"type": "function", "function": _TOOL}],
            "functions": [{**_TOOL, "name": "g"}],
            "tool_choice": "required",
            "function_call": "none",
        },
        {"functions", "function_call"},
    ),
    (
        Format.CHAT,
        _message({"type": "file", "file": {"file_id": "f", "file_data": "aGk="}}),
        {"messages[0].content[0].file.file_data"},
    ),
    (
        Format.CHAT,
        {"messages": [_ASK, {**_ASK, "role": "assistant", "reasoning_content": "a", "reasoning": "b"}, _ASK]},
        {"messages[1].reasoning"},
    ),
    (Format.RESPONSES, {"input": [{"role": "user", "content": [_IMAGE]}]}, {"input[0].content[0].file_id"}),
    (
        Format.RESPONSES,
        {"input": [{"role": "user", "content": [_FILE]}]},
        {"input[0].content[0].file_url", "input[0].content[0].file_data"},
    ),
    (Format.RESPONSES, {"input": [_ASK, _THOUGHT, _ASK]}, {"input[1].summary"}),
    (Format.RESPONSES, {"user": "a", "safety_identifier": "b"}, {"safety_identifier"}),
    (
        Format.RESPONSES,
        {"reasoning": {"summary": "concise", "generate_summary": "detailed"}},
        {"reasoning.generate_summary"},
    ),
    (
        Format.GENERATE_CONTENT,
        {
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseJsonSchema": _SCHEMA,
                "responseSchema": _OF_GOOGLE,
            }
        },
        {"generationConfig.responseSchema"},
    ),
    (
        Format.GENERATE_CONTENT,
        {
            "tools": [
                {
                    "functionDeclarations": [
                        {"name": "f", "parametersJsonSchema": _SCHEMA, "parameters": _OF_GOOGLE}
                    ]
                }
            ]
        },
        {"tools[0].functionDeclarations[0].parameters"},
    ),
    (
        Format.CONVERSE,
        _message({"image": {"format": "png", "source": {"bytes": "aGk=", "s3Location": _S3}}}),
        {"messages[0].content[0].image.source.s3Location"},
    ),
    (
        Format.CONVERSE,
        _message({"document": {"name": "d", "format": "txt", "source": {"text": "a", "bytes": "aGk="}}}),
        {"messages[0].content[0].document.source.bytes"},
    ),
]


@pytest.mark.parametrize(("client", "said", "named"), _SAID)
def test_the_others_are_named(client: Format, said: dict[str, Any], named: set[str]) -> None:
    request = read(client, {**SIDES[client].plain, **said})
    for upstream in (Format.MESSAGES, Format.OLLAMA_CHAT):
        _, losses = written(request, upstream)
        assert named <= losses


@pytest.mark.parametrize(
    ("client", "said"),
    [
        (Format.CHAT, {"max_completion_tokens": 5, "max_tokens": 5, "user": "a", "safety_identifier": "a"}),
        (Format.CHAT, {"tools": [], "functions": [_TOOL], "max_tokens": 6}),
        (Format.RESPONSES, {"input": [{"role": "user", "content": [{**_IMAGE, "file_id": None}]}]}),
        (Format.RESPONSES, {"input": [_ASK, {**_THOUGHT, "content": []}, _ASK]}),
    ],
)
def test_what_says_nothing_new_is_not(client: Format, said: dict[str, Any]) -> None:
    assert not read(client, {**SIDES[client].plain, **said}).extra
