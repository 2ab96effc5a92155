"""What the scripted upstreams answer is what each vendor's own schema or SDK says of its answers."""

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import jsonschema
import msgspec
import pytest
from botocore.exceptions import EventStreamError
from cohere.types import EmbedByTypeResponse
from ollama._types import ChatResponse, EmbedResponse
from openai.types import CreateEmbeddingResponse
from tests.support import bedrock_schema, chat_schema, cohere_schema, messages_schema
from tests.support.discovery import faults
from tests.support.scripted_upstreams import KEY, VENDORS, ScriptedUpstreams
from tests.support.vendors.interface import Asked, Reply, encoded
from tests.support.vendors.scenes import SCENES, TOOL

_CALLED: dict[str, list[str]] = {name: [] for name in SCENES} | {
    "tool": ["Paris"],
    "tools": ["Paris", "Oslo"],
}
_SCENES = [name for name in SCENES if name != "dies"]
_CLAUDE = "anthropic.claude-sonnet-4-6"


@pytest.fixture(scope="module")
def upstreams() -> Iterator[ScriptedUpstreams]:
    with ScriptedUpstreams() as upstreams:
        yield upstreams


def _asked(vendor: str, path: str, body: Any, query: str = "") -> Asked:
    key = VENDORS[vendor].key_header
    return Asked(path, query, {key: f"Bearer {KEY}", "anthropic-version": "2023-06-01"}, encoded(body))


def _reply(upstreams: ScriptedUpstreams, vendor: str, path: str, body: Any, query: str = "") -> Reply:
    reply = upstreams.answer(vendor, _asked(vendor, path, body, query))
    assert reply.status == 200, reply
    return reply


def _chat(scene: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": f"SCENE-{scene}"}], **more}


def _text(scene: str) -> str:
    return "".join(SCENES[scene].texts)


@pytest.mark.parametrize("scene", _SCENES)
def test_openai(upstreams: ScriptedUpstreams, scene: str) -> None:
    path = "/v1/chat/completions"
    (body,) = _reply(upstreams, "openai", path, _chat(scene)).pieces
    options = {"include_usage": True}
    streamed = _reply(upstreams, "openai", path, _chat(scene, stream=True, stream_options=options)).pieces
    for completion in (
        chat_schema.read_by_sdk(body),
        chat_schema.completion_by_sdk(b"".join(streamed)),
    ):
        message = completion.choices[0].message
        assert (message.content or "") == _text(scene)
        arguments = [msgspec.json.decode(call.function.arguments) for call in message.tool_calls or ()]  # type: ignore[union-attr] # no custom tools here
        assert [each["city"] for each in arguments] == _CALLED[scene]
        assert completion.usage is not None


@pytest.mark.parametrize("scene", _SCENES)
def test_anthropic(upstreams: ScriptedUpstreams, scene: str) -> None:
    (body,) = _reply(upstreams, "anthropic", "/v1/messages", _chat(scene, max_tokens=9)).pieces
    streamed = _reply(upstreams, "anthropic", "/v1/messages", _chat(scene, max_tokens=9, stream=True)).pieces
    messages_schema.events_by_sdk(b"".join(streamed))
    for message in (messages_schema.read_by_sdk(body), messages_schema.message_by_sdk(b"".join(streamed))):
        assert "".join(block.text for block in message.content if block.type == "text") == _text(scene)
        uses = [block for block in message.content if block.type == "tool_use"]
        assert [use.input for use in uses] == [{"city": city} for city in _CALLED[scene]]
        assert {use.name for use in uses} <= {TOOL}
        assert (message.usage.input_tokens, message.usage.output_tokens) == (8, 7)


@pytest.mark.parametrize("scene", _SCENES)
def test_converse(upstreams: ScriptedUpstreams, scene: str) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": f"SCENE-{scene}"}]}]}
    (answer,) = _reply(upstreams, "bedrock", "/model/m/converse", body).pieces
    content = bedrock_schema.parsed_answer(answer)["output"]["message"]["content"]
    assert "".join(block.get("text", "") for block in content) == _text(scene)
    uses = [block["toolUse"]["input"]["city"] for block in content if "toolUse" in block]
    assert uses == _CALLED[scene]
    frames = _reply(upstreams, "bedrock", "/model/m/converse-stream", body).pieces
    events = bedrock_schema.parsed_stream(b"".join(frames))
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert "".join(delta.get("text", "") for delta in deltas) == _text(scene)


@pytest.mark.parametrize("scene", _SCENES)
def test_invoke(upstreams: ScriptedUpstreams, scene: str) -> None:
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": _chat(scene)["messages"]}
    path = f"/model/{_CLAUDE}/invoke"
    (answer,) = _reply(upstreams, "bedrock", path, body).pieces
    messages_schema.read_by_sdk(answer)
    frames = _reply(upstreams, "bedrock", f"{path}-with-response-stream", body).pieces
    events = bedrock_schema.parsed_stream(b"".join(frames), "InvokeModelWithResponseStream")
    inner = [msgspec.json.decode(event["chunk"]["bytes"]) for event in events]
    sse = b"".join(b"event: %b\ndata: %b\n\n" % (each["type"].encode(), encoded(each)) for each in inner)
    texts = [each.text for each in messages_schema.message_by_sdk(sse).content if each.type == "text"]
    assert "".join(texts) == _text(scene)


@pytest.mark.parametrize("scene", _SCENES)
@pytest.mark.parametrize("vendor", ["gemini", "vertex"])
def test_google(upstreams: ScriptedUpstreams, vendor: Any, scene: str) -> None:
    path = "/v1beta/models/m" if vendor == "gemini" else _VERTEX + "google/models/m"
    body = {"contents": [{"role": "user", "parts": [{"text": f"SCENE-{scene}"}]}]}
    (answer,) = _reply(upstreams, vendor, path + ":generateContent", body).pieces
    events = _reply(upstreams, vendor, path + ":streamGenerateContent", body, "alt=sse").pieces
    for pieces in ([answer], [event.removeprefix(b"data: ") for event in events]):
        values = [msgspec.json.decode(piece) for piece in pieces]
        assert [fault for value in values for fault in faults(vendor, "GenerateContentResponse", value)] == []
        parts = [part for value in values for part in value["candidates"][0]["content"]["parts"]]
        assert "".join(part.get("text", "") for part in parts if not part.get("thought")) == _text(scene)
        calls = [part["functionCall"]["args"]["city"] for part in parts if "functionCall" in part]
        assert calls == _CALLED[scene]


_VERTEX = "/v1/projects/p/locations/l/publishers/"


@pytest.mark.parametrize("path", ["/v1beta/models/m:batchEmbedContents", "/v1beta/models/m:embedContent"])
def test_embeddings_of_gemini(upstreams: ScriptedUpstreams, path: str) -> None:
    request = {"model": "models/m", "content": {"parts": [{"text": "one"}]}}
    batch = path.endswith("batchEmbedContents")
    (answer,) = _reply(upstreams, "gemini", path, {"requests": [request]} if batch else request).pieces
    message = "BatchEmbedContentsResponse" if batch else "EmbedContentResponse"
    assert faults("gemini", message, msgspec.json.decode(answer)) == []


@cache
def _cohere(name: str) -> Any:
    description = cohere_schema._description()
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
    )


@pytest.mark.parametrize("scene", _SCENES)
def test_cohere(upstreams: ScriptedUpstreams, scene: str) -> None:
    (answer,) = _reply(upstreams, "cohere", "/v2/chat", _chat(scene, stream=False)).pieces
    _cohere("ChatResponseV2").validate(msgspec.json.decode(answer))
    for event in _reply(upstreams, "cohere", "/v2/chat", _chat(scene, stream=True)).pieces:
        _cohere("StreamedChatResponseV2").validate(msgspec.json.decode(event.partition(b"data: ")[2]))


def test_embeddings_of_cohere(upstreams: ScriptedUpstreams) -> None:
    body = {"model": "m", "texts": ["one"], "input_type": "search_query", "embedding_types": ["float"]}
    (answer,) = _reply(upstreams, "cohere", "/v2/embed", body).pieces
    assert EmbedByTypeResponse.model_validate_json(answer).embeddings.float_ == [[0.25, -0.5, 0.125]]


@pytest.mark.parametrize("scene", _SCENES)
def test_ollama(upstreams: ScriptedUpstreams, scene: str) -> None:
    (answer,) = _reply(upstreams, "ollama", "/api/chat", _chat(scene, stream=False)).pieces
    lines = _reply(upstreams, "ollama", "/api/chat", _chat(scene)).pieces
    for pieces in ([answer], lines):
        responses = [ChatResponse.model_validate_json(piece) for piece in pieces]
        assert "".join(each.message.content or "" for each in responses) == _text(scene)
        calls = [call for each in responses for call in each.message.tool_calls or ()]
        assert [call.function.arguments["city"] for call in calls] == _CALLED[scene]
        assert responses[-1].done


def test_other_embeddings(upstreams: ScriptedUpstreams) -> None:
    (answer,) = _reply(upstreams, "openai", "/v1/embeddings", {"model": "m", "input": [[1, 2], [3]]}).pieces
    assert len(CreateEmbeddingResponse.model_validate_json(answer, strict=True).data) == 2
    (answer,) = _reply(upstreams, "ollama", "/api/embed", {"model": "m", "input": ["one"]}).pieces
    assert EmbedResponse.model_validate_json(answer).embeddings == [[0.25, -0.5, 0.125]]


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(("scene", "status"), [("limited", 429), ("bad", 400)])
def test_refusals(upstreams: ScriptedUpstreams, vendor: str, scene: str, status: int) -> None:
    assert upstreams.answer(vendor, _asked(vendor, "/", _chat(scene))).status == status


@pytest.mark.parametrize(
    ("vendor", "path", "body"),
    [
        ("openai", "/v1/chat/completions", _chat("text", top_k=3)),
        ("anthropic", "/v1/messages", _chat("text")),
        ("bedrock", "/model/m/converse", _chat("text")),
        ("bedrock", f"/model/{_CLAUDE}/invoke", _chat("text", max_tokens=9)),
        ("gemini", "/v1beta/models/m:generateContent", _chat("text")),
        ("vertex", _VERTEX + "anthropic/models/m:rawPredict", _chat("text", max_tokens=9)),
        ("cohere", "/v2/chat", _chat("text", stream=False, seed="one")),
        ("ollama", "/api/chat", _chat("text", top_k=3)),
    ],
)
def test_a_request_that_its_schema_does_not_allow_is_refused(vendor: str, path: str, body: Any) -> None:
    upstreams = ScriptedUpstreams()
    assert upstreams.answer(vendor, _asked(vendor, path, body)).status == 400
    assert len(upstreams.refused) == 1


def test_a_stream_dies_after_content_and_before_its_end(upstreams: ScriptedUpstreams) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "SCENE-dies"}]}]}
    reply = _reply(upstreams, "bedrock", "/model/m/converse-stream", body)
    assert reply.cut
    with suppress(EventStreamError):
        names = [name for event in bedrock_schema.parsed_stream(b"".join(reply.pieces)) for name in event]
        assert names == ["messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockDelta"]
