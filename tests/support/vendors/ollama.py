"""Ollama's native API. Requests are judged by the types of ollama-python, and must have no other member."""

from functools import partial
from typing import Any, Final

from ollama._types import ChatRequest, EmbedRequest
from tests.support.vendors import scenes
from tests.support.vendors.interface import Asked, RefusedError, Reply, checked, encoded, whole
from tests.support.vendors.scenes import SCENES, Scene, scene_in

key_header: Final = "authorization"

_AT: Final = "2026-11-20T08:30:00.000000Z"


def answer(asked: Asked) -> Reply:
    body = asked.json()
    if asked.path == "/api/embed":
        _check(EmbedRequest, body)
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        counts = {"total_duration": 14_143_917, "load_duration": 1_019_500}
        vectors = {"embeddings": [list(scenes.VECTOR)] * len(texts)}
        return whole({"model": body["model"], **vectors, **counts, "prompt_eval_count": scenes.INPUT_TOKENS})
    if asked.path != "/api/chat":
        raise LookupError(asked.path)
    _check(ChatRequest, body)
    scene = SCENES[scene_in(asked.body)]
    if body.get("stream", True):
        lines = [encoded(line) + b"\n" for line in _lines(scene, body["model"])]
        return Reply(lines, "application/x-ndjson")
    return whole({**_head(body["model"]), "message": _message(scene), **_ended()})


def problem(status: int, message: str) -> Reply:
    return Reply([encoded({"error": message})], status=status)


def _check(shape: Any, body: dict[str, Any]) -> None:
    if unknown := set(body) - set(shape.model_fields):
        raise RefusedError(f"unknown members {sorted(unknown)}")
    checked(partial(shape.model_validate, strict=True), body)


def _message(scene: Scene) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(scene.texts)}
    if scene.thoughts:
        message["thinking"] = "".join(scene.thoughts)
    if scene.cities:
        message["tool_calls"] = _tool_calls(scene)
    return message


def _lines(scene: Scene, model: str) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = [{"content": "", "thinking": each} for each in scene.thoughts]
    said += [{"content": each} for each in scene.texts]
    if scene.cities:
        said.append({"content": "", "tool_calls": _tool_calls(scene)})
    lines = [{**_head(model), "message": {"role": "assistant", **each}, "done": False} for each in said]
    return [*lines, {**_head(model), "message": {"role": "assistant", "content": ""}, **_ended()}]


def _tool_calls(scene: Scene) -> list[dict[str, Any]]:
    return [{"function": {"name": scenes.TOOL, "arguments": {"city": city}}} for city in scene.cities]


def _head(model: str) -> dict[str, Any]:
    return {"model": model, "created_at": _AT}


def _ended() -> dict[str, Any]:
    """There is but one word for all ends of a text."""
    return {
        "done": True,
        "done_reason": "stop",
        "total_duration": 5_191_566_416,
        "load_duration": 2_154_458,
        "prompt_eval_count": scenes.INPUT_TOKENS,
        "prompt_eval_duration": 383_809_000,
        "eval_count": scenes.OUTPUT_TOKENS,
        "eval_duration": 4_799_921_000,
    }
