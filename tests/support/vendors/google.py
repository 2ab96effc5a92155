"""Gemini behind Google's two hosts, and Claude on Vertex AI. Requests are judged by Google's discovery
documents."""

import re
from typing import Any, Final

from tests.support.discovery import Service, faults
from tests.support.vendors import anthropic, scenes
from tests.support.vendors.interface import Asked, Reply, checked, encoded, sse, whole
from tests.support.vendors.scenes import SCENES, Scene, scene_in

_ERRORS: Final = {429: "RESOURCE_EXHAUSTED", 400: "INVALID_ARGUMENT", 404: "NOT_FOUND"}
_PREFIX: Final[dict[Service, str]] = {
    "gemini": "/v1beta/models/",
    "vertex": "/v1/projects/p/locations/l/publishers/",
}
_NAMED: Final = re.compile(r"(?:(google|anthropic)/models/)?([^/]+):(\w+)")


class Google:
    """One of the hosts."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.key_header = "x-goog-api-key" if service == "gemini" else "authorization"

    def answer(self, asked: Asked) -> Reply:
        prefix = _PREFIX[self._service]
        named = _NAMED.fullmatch(asked.path.removeprefix(prefix)) if asked.path.startswith(prefix) else None
        if named is None:
            raise LookupError(asked.path)
        publisher, model, verb = named[1], named[2], named[3]
        if publisher == "anthropic":
            return _claude(asked, model, verb)
        body = asked.json()
        match verb:
            case "generateContent":
                self._check("GenerateContentRequest", body)
                return whole(_response(SCENES[scene_in(asked.body)], model))
            case "streamGenerateContent":
                self._check("GenerateContentRequest", body)
                assert asked.query == "alt=sse"
                return sse(_chunks(SCENES[scene_in(asked.body)], model))
            case "countTokens":
                self._check("CountTokensRequest", body)
                return whole({"totalTokens": scenes.INPUT_TOKENS})
            case "embedContent" if self._service == "gemini":
                self._check("EmbedContentRequest", body)
                return whole({"embedding": _VALUES})
            case "batchEmbedContents" if self._service == "gemini":
                self._check("BatchEmbedContentsRequest", body)
                return whole({"embeddings": [_VALUES] * len(body["requests"])})
            case "predict" if self._service == "vertex":
                self._check("PredictRequest", body)
                statistics = {"token_count": scenes.INPUT_TOKENS, "truncated": False}
                embedded = {"embeddings": {**_VALUES, "statistics": statistics}}
                return whole({"predictions": [embedded] * len(body["instances"])})
        raise LookupError(asked.path)

    def problem(self, status: int, message: str) -> Reply:
        error = {"code": status, "message": message, "status": _ERRORS.get(status, "INTERNAL")}
        return Reply([encoded({"error": error})], status=status)

    def _check(self, message: str, body: dict[str, Any]) -> None:
        """google-genai writes some members by their proto names."""
        checked(lambda given: faults(self._service, message, given, proto_names=True), body)


gemini: Final = Google("gemini")
vertex: Final = Google("vertex")

_VALUES: Final = {"values": list(scenes.VECTOR)}


def _claude(asked: Asked, model: str, verb: str) -> Reply:
    body = asked.json()
    if model == "count-tokens":
        body.pop("model")
        anthropic.check_hosted({"max_tokens": 1, **body}, "vertex-2023-10-16")
        return whole({"input_tokens": scenes.INPUT_TOKENS})
    anthropic.check_hosted(body, "vertex-2023-10-16")
    scene = SCENES[scene_in(asked.body)]
    if verb == "streamRawPredict":
        return sse(anthropic.events(scene, model), named=True)
    if verb != "rawPredict":
        raise LookupError(asked.path)
    return whole(anthropic.message(scene, model))


def _response(scene: Scene, model: str) -> dict[str, Any]:
    parts = [{"text": "".join(scene.thoughts), "thought": True}] if scene.thoughts else []
    return _chunk(scene, model, [*parts, *_said(scene, "".join(scene.texts))], last=True)


def _chunks(scene: Scene, model: str) -> list[dict[str, Any]]:
    """Calls come whole; the last chunk has the reason."""
    parts: list[list[dict[str, Any]]] = [[{"text": each, "thought": True}] for each in scene.thoughts]
    first, *rest = scene.texts or ("",)
    parts += [_said(scene._replace(cities=()), first), *([{"text": each}] for each in rest)]
    parts = [each for each in parts if each]
    if scene.cities:
        parts.append(_said(scene, ""))
    return [_chunk(scene, model, each, last=index == len(parts) - 1) for index, each in enumerate(parts)]


def _said(scene: Scene, text: str) -> list[dict[str, Any]]:
    """With the signature on the first part after the thoughts."""
    parts: list[dict[str, Any]] = [{"text": text}] if text else []
    parts += [{"functionCall": {"name": scenes.TOOL, "args": {"city": city}}} for city in scene.cities]
    if scene.thoughts and parts:
        parts[0]["thoughtSignature"] = scenes.SIGNATURE
    return parts


def _chunk(scene: Scene, model: str, parts: list[dict[str, Any]], *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    reasoning = scenes.REASONING_TOKENS if scene.thoughts else 0
    usage = {
        "promptTokenCount": scenes.INPUT_TOKENS,
        "cachedContentTokenCount": scenes.CACHED_TOKENS,
        "candidatesTokenCount": scenes.OUTPUT_TOKENS - reasoning if last else 1,
        "totalTokenCount": scenes.INPUT_TOKENS + scenes.OUTPUT_TOKENS,
    }
    if reasoning:
        usage["thoughtsTokenCount"] = reasoning
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": "mAitaLmkHPPlz7IPvtfUqQ4",
    }
