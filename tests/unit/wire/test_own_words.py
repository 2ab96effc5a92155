"""A request that is written anew in its own format keeps what nobody knows, or it is named."""

from typing import Any

import msgspec
import pytest
from tests.support.wire_targets import target

from fastgate.domain.format import Format
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Losses
from fastgate.wire.reference.unknown import MEMBER
from fastgate.wire.unread import left_out

_X = {MEMBER: 1}
_MESSAGES = {
    "max_tokens": 4_096,
    "system": [{"type": "text", "text": "s", **_X}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "t", **_X}]},
        {"role": "assistant", "content": "t", **_X},
        {"role": "user", "content": "t"},
    ],
    "tools": [{"name": "f", "input_schema": {"type": "object"}, **_X}],
    "tool_choice": {"type": "auto", **_X},
    "thinking": {"type": "enabled", "budget_tokens": 2_048, **_X},
    "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}, **_X}, **_X},
    "metadata": _X,
    **_X,
}
_GEMINI = {
    "contents": [{"role": "user", "parts": [{"text": "t", **_X}]}],
    "toolConfig": {**_X, "functionCallingConfig": {"mode": "AUTO", **_X}},
    "tools": [{"functionDeclarations": [{"name": "f", **_X}]}],
    "generationConfig": {**_X, "thinkingConfig": {"thinkingLevel": "LOW", **_X}},
    **_X,
}
_CONVERSE = {
    "messages": [{"role": "user", "content": [{"text": "t"}], **_X}],
    "inferenceConfig": _X,
    "additionalModelRequestFields": {
        **_X,
        "thinking": {"type": "enabled", "budget_tokens": 2_048, **_X},
    },
    "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {}}, **_X}}], **_X},
    **_X,
}


@pytest.mark.parametrize(
    ("client", "upstream", "model", "body", "left"),
    [
        (Format.MESSAGES, Format.INVOKE, "claude-sonnet-4-5", _MESSAGES, ["messages[1]"]),
        (Format.MESSAGES, Format.MESSAGES, "claude-sonnet-4-5", _MESSAGES, ["messages[1]"]),
        (
            Format.GENERATE_CONTENT,
            Format.GENERATE_CONTENT,
            "gemini-3-pro",
            _GEMINI,
            ["contents[0].parts[0]"],
        ),
        (
            Format.CONVERSE,
            Format.CONVERSE,
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            _CONVERSE,
            ["messages[0]", "toolConfig.tools[0].toolSpec"],
        ),
    ],
)
def test_what_is_kept(client: Format, upstream: Format, model: str, body: Any, left: list[str]) -> None:
    request = CLIENTS[client].read_request(msgspec.json.encode(body), None)
    losses = Losses()
    written = PROVIDERS[upstream].write_request(request, target(model), losses)
    assert losses.names == []
    assert sorted(left_out(written, request.extra)) == [f"{path}.{MEMBER}" for path in left]
    arrived = msgspec.json.encode(written).decode().count(MEMBER)
    assert arrived == msgspec.json.encode(body).decode().count(MEMBER) - len(left)
