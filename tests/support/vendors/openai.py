"""OpenAI's chat completions and embeddings, judged by the types of openai-python; and vLLM's rerank."""

import base64
import struct
from typing import Any, Final

from openai.types.embedding_create_params import EmbeddingCreateParams
from pydantic import TypeAdapter
from tests.support import chat_schema
from tests.support.vendors import scenes
from tests.support.vendors.interface import Asked, RefusedError, Reply, checked, encoded, sse, whole
from tests.support.vendors.scenes import SCENES, Scene, scene_in

key_header: Final = "authorization"

_FINISHES: Final = {"stop": "stop", "tools": "tool_calls", "sequence": "stop"}
_ERRORS: Final = {429: ("rate_limit_error", "rate_limit_exceeded"), 400: ("invalid_request_error", None)}
_embeddings: Final = TypeAdapter(EmbeddingCreateParams)


def answer(asked: Asked) -> Reply:
    body = asked.json()
    if asked.path == "/v1/embeddings":
        checked(_embeddings.validate_python, body)
        return _embedded(body)
    if asked.path == "/v1/rerank":
        return _ranked(body)
    if asked.path != "/v1/chat/completions":
        raise LookupError(asked.path)
    checked_chat(asked)
    scene = SCENES[scene_in(asked.body)]
    if body.get("stream"):
        include = (body.get("stream_options") or {}).get("include_usage", False)
        return sse(chunks(scene, body["model"], include_usage=include), end=b"data: [DONE]\n\n")
    return whole(completion(scene, body["model"]))


def checked_chat(asked: Asked) -> dict[str, Any]:
    """The body of a request for a chat completion; RefusedError."""
    body = asked.json()
    checked(_check, body)
    return body


def _check(body: dict[str, Any]) -> None:
    """The types know no `annotations` in a request, but an answer that is sent back has them."""
    messages = [{**each, "annotations": None} for each in body["messages"]]
    for message in messages:
        del message["annotations"]
    chat_schema.checked_request({**body, "messages": messages})


def problem(status: int, message: str) -> Reply:
    kind, code = _ERRORS.get(status, ("server_error", None))
    error = {"message": message, "type": kind, "param": None, "code": code}
    return Reply([encoded({"error": error})], status=status)


def completion(scene: Scene, model: str) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(scene.texts) or None,
        "refusal": None,
        "annotations": [],
    }
    if scene.cities:
        message["tool_calls"] = [
            {
                "id": scenes.call_id(number),
                "type": "function",
                "function": {"name": scenes.TOOL, "arguments": f'{{"city":"{city}"}}'},
            }
            for number, city in enumerate(scene.cities)
        ]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _FINISHES[scene.finish],
    }
    return {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": model,
        "choices": [choice],
        "usage": _usage(scene),
        "service_tier": "default",
        "system_fingerprint": "fp_06737a9306",
    }


def chunks(scene: Scene, model: str, *, include_usage: bool) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": text} for text in scene.texts]
    for number, city in enumerate(scene.cities):
        begun = {"name": scenes.TOOL, "arguments": ""}
        call = {"index": number, "id": scenes.call_id(number), "type": "function", "function": begun}
        deltas.append({"tool_calls": [call]})
        deltas += [
            {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
            for piece in ('{"city":', f'"{city}"}}')
        ]
    choices: list[dict[str, Any]] = [
        {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas
    ]
    choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": _FINISHES[scene.finish]})
    head = {
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_06737a9306",
    }
    nothing = {"usage": None} if include_usage else {}
    said = [{**head, "choices": [choice], **nothing} for choice in choices]
    return [*said, {**head, "choices": [], "usage": _usage(scene)}] if include_usage else said


def _usage(scene: Scene) -> dict[str, Any]:
    return {
        "prompt_tokens": scenes.INPUT_TOKENS,
        "completion_tokens": scenes.OUTPUT_TOKENS,
        "total_tokens": scenes.INPUT_TOKENS + scenes.OUTPUT_TOKENS,
        "prompt_tokens_details": {"cached_tokens": scenes.CACHED_TOKENS, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": scenes.REASONING_TOKENS if scene.thoughts else 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _embedded(body: dict[str, Any]) -> Reply:
    given = body["input"]
    # A list of numbers is one text in tokens.
    count = 1 if isinstance(given, str) or isinstance(given[0], int) else len(given)
    vector: Any = list(scenes.VECTOR)
    if body.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack("<3f", *scenes.VECTOR)).decode()
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(count)]
    usage = {"prompt_tokens": scenes.INPUT_TOKENS, "total_tokens": scenes.INPUT_TOKENS}
    return whole({"object": "list", "data": data, "model": body["model"], "usage": usage})


def _ranked(body: dict[str, Any]) -> Reply:
    """The last document is the best. Source: "Re-rank API" of vLLM's documentation, which is Jina's."""
    if not isinstance(body.get("query"), str) or not isinstance(body.get("documents"), list):
        raise RefusedError("query, documents: required")
    ranks = range(len(body["documents"]) - 1, -1, -1)[: body.get("top_n")]
    results = [
        {"index": index, "document": {"text": body["documents"][index]}, "relevance_score": 0.9 - place / 10}
        for place, index in enumerate(ranks)
    ]
    usage = {"total_tokens": scenes.INPUT_TOKENS}
    return whole({"id": "rerank-fae51b2b", "model": body["model"], "usage": usage, "results": results})
