"""Bedrock's Converse and InvokeModel (Claude, and Titan's embeddings). Requests are judged by botocore."""

import re
import struct
from binascii import crc32
from typing import Any, Final

from tests.support import bedrock_schema
from tests.support.vendors import anthropic, scenes
from tests.support.vendors.interface import Asked, RefusedError, Reply, checked, encoded, whole
from tests.support.vendors.scenes import SCENES, Scene, scene_in

key_header: Final = "authorization"

EVENT_STREAM: Final = "application/vnd.amazon.eventstream"

_FINISHES: Final = {"stop": "end_turn", "tools": "tool_use", "sequence": "stop_sequence"}
_ERRORS: Final = {429: "ThrottlingException", 400: "ValidationException", 404: "ResourceNotFoundException"}
_PATH: Final = re.compile(r"/model/(.+)/([a-z-]+)")


def answer(asked: Asked) -> Reply:
    found = _PATH.fullmatch(asked.path)
    if found is None:
        raise LookupError(asked.path)
    model, operation, body = found[1], found[2], asked.json()
    if model.startswith("amazon.titan-embed") and operation == "invoke":
        return _titan(body)
    match operation:
        case "converse":
            checked(bedrock_schema.checked_request, body)
            return whole(_message(SCENES[scene_in(asked.body)], model))
        case "converse-stream":
            checked(lambda given: bedrock_schema.checked_request(given, "ConverseStream") and None, body)
            frames = [
                event_frame(name, value) for name, value in _events(SCENES[scene_in(asked.body)], model)
            ]
            return Reply(frames, EVENT_STREAM)
        case "invoke" if "anthropic." in model:
            anthropic.check_hosted(body, "bedrock-2023-05-31")
            return whole(anthropic.message(SCENES[scene_in(asked.body)], model))
        case "invoke-with-response-stream" if "anthropic." in model:
            anthropic.check_hosted(body, "bedrock-2023-05-31")
            events = anthropic.events(SCENES[scene_in(asked.body)], model)
            frames = [event_frame("chunk", {"bytes": encoded(each)}) for each in events]
            return Reply(frames, EVENT_STREAM)
    raise LookupError(asked.path)


def problem(status: int, message: str) -> Reply:
    name = _ERRORS.get(status, "InternalServerException")
    return Reply([encoded({"message": message})], status=status, headers=(("x-amzn-ErrorType", name),))


def event_frame(name: str, payload: Any) -> bytes:
    """An event in Amazon's framing (`application/vnd.amazon.eventstream`)."""
    fields = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(">B", len(key)) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in fields.items()
    )
    data = encoded(payload)
    prelude = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + data
    return message + struct.pack(">I", crc32(message))


def _message(scene: Scene, model: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if scene.thoughts:
        thought = {"text": "".join(scene.thoughts), **_signature(model)}
        content.append({"reasoningContent": {"reasoningText": thought}})
    if scene.texts:
        content.append({"text": "".join(scene.texts)})
    content += [
        {"toolUse": {**_tool_use(number), "input": {"city": city}}}
        for number, city in enumerate(scene.cities)
    ]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _FINISHES[scene.finish],
        **_metadata(),
    }


def _signature(model: str) -> dict[str, str]:
    """Only Claude signs its thoughts."""
    return {"signature": scenes.SIGNATURE} if "anthropic." in model else {}


def _events(scene: Scene, model: str) -> list[tuple[str, dict[str, Any]]]:
    out: list[tuple[str, dict[str, Any]]] = [("messageStart", {"role": "assistant"})]
    index = 0
    if scene.thoughts:
        said = [{"text": text} for text in scene.thoughts]
        said += [each for each in (_signature(model),) if each]
        out += [_delta(index, {"reasoningContent": each}) for each in said]
        out.append(("contentBlockStop", {"contentBlockIndex": index}))
        index += 1
    if scene.texts:
        out += [_delta(index, {"text": text}) for text in scene.texts]
        out.append(("contentBlockStop", {"contentBlockIndex": index}))
        index += 1
    for number, city in enumerate(scene.cities):
        start = {"start": {"toolUse": _tool_use(number)}, "contentBlockIndex": index}
        out.append(("contentBlockStart", start))
        out += [_delta(index, {"toolUse": {"input": piece}}) for piece in ('{"city":', f'"{city}"}}')]
        out.append(("contentBlockStop", {"contentBlockIndex": index}))
        index += 1
    return [*out, ("messageStop", {"stopReason": _FINISHES[scene.finish]}), ("metadata", _metadata())]


def _delta(index: int, delta: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"delta": delta, "contentBlockIndex": index}


def _tool_use(number: int) -> dict[str, str]:
    return {"toolUseId": f"tooluse_{scenes.call_id(number)}", "name": scenes.TOOL}


def _metadata() -> dict[str, Any]:
    """Input tokens here are those that no cache gave."""
    usage = {
        "inputTokens": scenes.INPUT_TOKENS - scenes.CACHED_TOKENS,
        "outputTokens": scenes.OUTPUT_TOKENS,
        "totalTokens": scenes.INPUT_TOKENS + scenes.OUTPUT_TOKENS,
        "cacheReadInputTokens": scenes.CACHED_TOKENS,
        "cacheWriteInputTokens": 0,
    }
    return {"usage": usage, "metrics": {"latencyMs": 321}}


def _titan(body: dict[str, Any]) -> Reply:
    """Source: "Amazon Titan Embeddings Text" of Bedrock's user guide."""
    if not isinstance(body.get("inputText"), str):
        raise RefusedError("inputText: required")
    if unknown := set(body) - {"inputText", "dimensions", "normalize", "embeddingTypes"}:
        raise RefusedError(f"extraneous keys {sorted(unknown)}")
    vector = list(scenes.VECTOR)
    by_type = {"float": vector}
    return whole(
        {"embedding": vector, "embeddingsByType": by_type, "inputTextTokenCount": scenes.INPUT_TOKENS}
    )
