"""What Gemini can say comes back as it was said, and is what Google's discovery documents have."""

from typing import Any

import msgspec
from google.genai import types
from hypothesis import given
from tests.support.conversations import Feature, Says, conversations
from tests.support.discovery import faults

from fastgate.domain.conversation import (
    Conversation,
    Document,
    Image,
    Message,
    Part,
    Places,
    Schema,
    Text,
    ToolResult,
    merged,
)
from fastgate.domain.format import Format
from fastgate.wire.gemini import CLIENT, PROVIDER
from fastgate.wire.interface import Losses, Target

SAYS = Says(
    Format.GENERATE_CONTENT,
    {
        Feature.SYSTEM,
        Feature.IMAGE_DATA,
        Feature.IMAGE_DETAIL,
        Feature.DOCUMENT_DATA,
        Feature.DOCUMENT_TEXT,
        Feature.AUDIO,
        Feature.VIDEO,
        Feature.TOOLS,
        Feature.ALLOWED_TOOLS,
        Feature.RESULT_NAMES,
        Feature.RESULT_ERRORS,
        Feature.RESULT_IMAGES,
        Feature.THINKING,
        Feature.PLAIN_THINKING,
        Feature.SIGNATURES,
    },
    (
        "max_output_tokens",
        "temperature",
        "top_p",
        "top_k",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "stop",
        "n",
        "logprobs",
        "top_logprobs",
        "output_schema",
        "json_object",
        "thinking_budget",
        "store",
    ),
)
GEMINI = Target("gemini", "gemini-3-pro", stream=False, default_max_tokens=1, cap=None, dialect="gemini")
VERTEX = GEMINI._replace(dialect="vertex")


def normal(conversation: Conversation) -> Any:
    """Without what Gemini cannot say: names of schemas, titles, `detail: auto`; texts of a result first."""
    schema = conversation.output_schema
    said = msgspec.structs.replace(
        conversation,
        messages=tuple(
            Message(role=message.role, parts=tuple(map(_normal_part, message.parts)))
            for message in merged(conversation.messages)
        ),
        output_schema=None if schema is None else Schema(schema=schema.schema),
        places=Places(),
    )
    return msgspec.json.decode(msgspec.json.encode(said))


def _normal_part(part: Part) -> Part:
    if isinstance(part, Document):
        return msgspec.structs.replace(part, title=None)
    if isinstance(part, Image):
        return msgspec.structs.replace(part, detail=None if part.detail == "auto" else part.detail)
    if isinstance(part, ToolResult):
        parts = sorted(map(_normal_part, part.parts), key=lambda each: not isinstance(each, Text))
        return msgspec.structs.replace(part, parts=tuple(parts))
    return part


@given(conversations(SAYS))
def test_a_conversation_comes_back(conversation: Conversation) -> None:
    losses = Losses()
    body = msgspec.json.encode(PROVIDER.write_request(conversation, GEMINI, losses))
    assert normal(CLIENT.read_request(body, None)) == normal(conversation)
    assert all(name.endswith(".title") for name in losses.names)


@given(conversations(SAYS))
def test_a_body_is_what_the_gemini_api_documents(conversation: Conversation) -> None:
    body = msgspec.json.decode(msgspec.json.encode(PROVIDER.write_request(conversation, GEMINI, Losses())))
    assert faults("gemini", "GenerateContentRequest", body) == []
    for content in body["contents"]:
        types.Content.model_validate(content)
    for tool in body.get("tools", ()):
        types.Tool.model_validate(tool)
    types.GenerationConfig.model_validate(body.get("generationConfig", {}))


@given(conversations(SAYS))
def test_a_body_is_what_vertex_documents(conversation: Conversation) -> None:
    body = msgspec.json.decode(msgspec.json.encode(PROVIDER.write_request(conversation, VERTEX, Losses())))
    found = faults("vertex", "GenerateContentRequest", body)
    assert found == []
    assert all(content["role"] in {"user", "model"} for content in body["contents"])
