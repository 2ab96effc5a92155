"""What is left out is called what its client calls it."""

from typing import Any

import msgspec
import pytest

from fastgate.domain.conversation import Conversation
from fastgate.domain.embedding import RerankRequest
from fastgate.domain.format import Format
from fastgate.wire.formats import CLIENTS
from fastgate.wire.interface import Losses
from fastgate.wire.places import client_names
from fastgate.wire.reference.requests import written
from fastgate.wire.responses.request_reader import read_request as read_response_request
from fastgate.wire.seals import AHEAD, Seal, labelled

_AHEAD = labelled(Format.GENERATE_CONTENT, Seal(None, "c2VhbA==", AHEAD))


def called(client: Format, body: Any, name: str) -> str:
    request = CLIENTS[client].read_request(msgspec.json.encode(body), None)
    return client_names(request)(name)


CHAT = {
    "messages": [
        {"role": "system", "content": "s"},
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "t"}, {"type": "odd"}],
            "thinking_blocks": [
                {"type": "thinking", "thinking": "", "signature": _AHEAD},
                {"type": "thinking", "thinking": "t"},
            ],
            "refusal": "r",
            "audio": {"id": "a"},
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            "function_call": {"name": "g", "arguments": "{}"},
        },
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "r"}]},
        {"role": "assistant", "reasoning_content": "r", "content": "t"},
        {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "text", "text": "t"}]},
    ],
    "functions": [{"name": "f"}, {"name": "g"}],
}
RESPONSES = {
    "instructions": "s",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "t"}, {"type": "odd"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "t"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "t"}]},
        {"type": "function_call_output", "call_id": "d", "output": "t"},
    ],
}
MESSAGES = {
    "max_tokens": 1,
    "system": [{"type": "text", "text": "s"}],
    "messages": [
        {"role": "user", "content": "u"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": _AHEAD},
                {"type": "text", "text": "t"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c", "content": [{"type": "odd"}]}],
        },
    ],
}
GEMINI = {
    "systemInstruction": {"parts": [{"text": "s"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "t"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {
            "role": "user",
            "parts": [
                {
                    "functionResponse": {
                        "name": "f",
                        "response": {"output": "t"},
                        "parts": [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
                    }
                }
            ],
        },
    ],
    "tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f"}, {"name": "g"}]}],
}
CONVERSE = {
    "system": [{"text": "s"}, {"cachePoint": {"type": "default"}}, {"guardContent": {}}],
    "messages": [
        {"role": "user", "content": [{"text": "t"}, {"cachePoint": {"type": "default"}}, {"odd": {}}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "c", "name": "f", "input": {}}}]},
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "c", "content": [{"text": "t"}, {"odd": {}}]}}],
        },
        {"role": "assistant", "content": [{"citationsContent": {"content": [{"text": "t"}]}}]},
    ],
    "toolConfig": {
        "tools": [
            {"toolSpec": {"name": "f", "inputSchema": {"json": {}}}},
            {"cachePoint": {"type": "default"}},
            {"systemTool": {"name": "s"}},
        ]
    },
}


@pytest.mark.parametrize(
    ("client", "body", "names"),
    [
        (
            Format.CHAT,
            CHAT,
            {
                "messages[0].content[0]": "messages[0].content[0]",
                "messages[1].name": "messages[1].name",
                "messages[1].content[0]": "messages[1].thinking_blocks[1]",
                "messages[1].content[2].cache_control": "messages[1].content[1].cache_control",
                "messages[1].content[3]": "messages[1].refusal",
                "messages[1].content[4]": "messages[1].audio",
                "messages[1].content[5]": "messages[1].tool_calls[0]",
                "messages[1].content[6]": "messages[1].function_call",
                "messages[2].content[0].is_error": "messages[2].is_error",
                "messages[2].content[0].content[0]": "messages[2].content[0]",
                "messages[3].content[0]": "messages[3].reasoning_content",
                "messages[4].content[1].citations": "messages[4].content[1].citations",
                "tools[1].strict": "functions[1].strict",
                "logit_bias": "logit_bias",
            },
        ),
        (Format.COMPLETIONS, {"prompt": "p"}, {"messages[0].content[0]": "prompt"}),
        (
            Format.RESPONSES,
            RESPONSES,
            {
                "messages[0].content[0]": "instructions",
                "messages[0].content": "instructions",
                "messages[1].content[1]": "input[0].content[1]",
                "messages[1].content": "input[0].content",
                "messages[2].content[0]": "input[1]",
                "messages[2].content[1].citations": "input[2].content[0].annotations",
                "messages[2].content[2]": "input[3]",
                "messages[3].content[0].content[0].detail": "input[4].output[0].detail",
                "messages[4].content[0]": "input[5]",
                "tools[1]": "tools[1]",
            },
        ),
        (Format.RESPONSES, {"input": "i"}, {"messages[0].content[0]": "input"}),
        (
            Format.MESSAGES,
            MESSAGES,
            {
                "messages[0].content[0].cache_control": "system[0].cache_control",
                "messages[0].content": "system",
                "messages[1].content[0]": "messages[0].content[0]",
                "messages[2].content": "messages[1].content",
                "messages[2].content[0].citations": "messages[1].content[1].citations",
                "messages[2].content[1]": "messages[1].content[2]",
                "messages[3].content[0].content[0]": "messages[2].content[0].content[0]",
            },
        ),
        (
            Format.GENERATE_CONTENT,
            GEMINI,
            {
                "messages[0].content[0]": "systemInstruction.parts[0]",
                "messages[2].content[0]": "contents[1].parts[0]",
                "messages[3].content[0].content[0]": "contents[2].parts[0].functionResponse.response",
                "messages[3].content[0].content[1]": "contents[2].parts[0].functionResponse.parts[0]",
                "tools[0]": "tools[0].googleSearch",
                "tools[2].strict": "tools[1].functionDeclarations[1].strict",
            },
        ),
        (
            Format.CONVERSE,
            CONVERSE,
            {
                "messages[0].content[1]": "system[2]",
                "messages[1].content[1]": "messages[0].content[2]",
                "messages[2].content[0]": "messages[1].content[0]",
                "messages[3].content[0].content[1]": "messages[2].content[0].toolResult.content[1]",
                "messages[4].content[0].citations": "messages[3].content[0].citationsContent.citations",
                "tools[0].strict": "toolConfig.tools[0].toolSpec.strict",
                "tools[1]": "toolConfig.tools[2]",
            },
        ),
    ],
)
def test_names(client: Format, body: Any, names: dict[str, str]) -> None:
    assert {name: called(client, body, name) for name in names} == names


def test_a_conversation_of_nobody_is_its_own() -> None:
    names = client_names(Conversation(format=Format.MESSAGES, messages=()))
    assert [names(name) for name in ("messages[0].content[0]", "tools[0]")] == [
        "messages[0].content[0]",
        "tools[0]",
    ]


def test_other_requests_have_no_places() -> None:
    names = client_names(RerankRequest(format=Format.RERANK, query="q", documents=("d",)))
    assert names("documents[0]") == "documents[0]"


def test_losses_are_named_once_and_paths_of_clients_as_they_are() -> None:
    losses = Losses(str.upper)
    for name in ("a", "b", "a"):
        losses.drop(name)
    losses.leave_out("a")
    assert losses.names == ["A", "B", "a"]


def test_items_that_the_gateway_has_put_in_front() -> None:
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "t", "x": 1}]}
    request = read_response_request(msgspec.json.encode({"input": [said, said, said]}), 2)
    names = client_names(request)
    assert [names(f"messages[{index}].content[0]") for index in range(3)] == [
        "previous_response_id.content[0]",
        "previous_response_id.content[0]",
        "input[0].content[0]",
    ]
    assert list(request.extra) == ["previous_response_id.content[0].x", "input[0].content[0].x"]


def test_the_place_behind_a_system_message() -> None:
    request = CLIENTS[Format.MESSAGES].read_request(
        msgspec.json.encode(
            {
                "max_tokens": 1,
                "system": "s",
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "t", "x": 1},
                            {"type": "container_upload", "file_id": "f"},
                        ],
                    }
                ],
            }
        ),
        None,
    )
    assert written(request, Format.CHAT)[1] >= {"messages[0].content[0].x", "messages[0].content[1]"}


@pytest.mark.parametrize(
    "upstream", [Format.CHAT, Format.MESSAGES, Format.CONVERSE, Format.COHERE_CHAT, Format.OLLAMA_CHAT]
)
def test_what_google_has_cached_is_named(upstream: Format) -> None:
    body = {**GEMINI, "cachedContent": "cachedContents/1"}
    request = CLIENTS[Format.GENERATE_CONTENT].read_request(msgspec.json.encode(body), None)
    assert "cachedContent" in written(request, upstream)[1]
