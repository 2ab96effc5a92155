"""Cohere's chat, embed and rerank. Requests are judged by its OpenAPI description."""

from functools import partial
from typing import Any, Final

from tests.support import cohere_schema
from tests.support.vendors import scenes
from tests.support.vendors.interface import Asked, Reply, checked, encoded, sse, whole
from tests.support.vendors.scenes import SCENES, Scene, scene_in

key_header: Final = "authorization"

_FINISHES: Final = {"stop": "COMPLETE", "tools": "TOOL_CALL", "sequence": "STOP_SEQUENCE"}
_ID: Final = "c14c80c3-18eb-4519-9460-6c92edd8cfb4"
_VERSION: Final = {"version": "2", "is_experimental": False}


def answer(asked: Asked) -> Reply:
    body = asked.json()
    if asked.path not in ("/v2/chat", "/v2/embed", "/v2/rerank"):
        raise LookupError(asked.path)
    checked(partial(cohere_schema.check_request, asked.path), body)
    if asked.path == "/v2/embed":
        return _embedded(body)
    if asked.path == "/v2/rerank":
        return _ranked(body)
    scene = SCENES[scene_in(asked.body)]
    return sse(_events(scene), named=True) if body.get("stream") else whole(_response(scene))


def problem(status: int, message: str) -> Reply:
    return Reply([encoded({"id": _ID, "message": message})], status=status)


def _response(scene: Scene) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant"}
    if scene.cities:
        message["tool_plan"] = "".join(scene.texts) or "I will look."
        message["tool_calls"] = [
            _tool_call(number, f'{{"city":"{city}"}}') for number, city in enumerate(scene.cities)
        ]
    else:
        thoughts = [{"type": "thinking", "thinking": "".join(scene.thoughts)}] if scene.thoughts else []
        message["content"] = [*thoughts, {"type": "text", "text": "".join(scene.texts)}]
    return {"id": _ID, "finish_reason": _FINISHES[scene.finish], "message": message, "usage": _usage()}


def _events(scene: Scene) -> list[dict[str, Any]]:
    lists = {"content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    out: list[dict[str, Any]] = [
        {"type": "message-start", "id": _ID, "delta": {"message": {"role": "assistant", **lists}}}
    ]
    if scene.cities:
        plans = scene.texts or ("I will ", "look.")
        out += [{"type": "tool-plan-delta", "delta": {"message": {"tool_plan": plan}}} for plan in plans]
        for number, city in enumerate(scene.cities):
            calls = {"tool_calls": _tool_call(number, "")}
            out.append({"type": "tool-call-start", "index": number, "delta": {"message": calls}})
            for piece in ('{"city":', f'"{city}"}}'):
                calls = {"tool_calls": {"function": {"arguments": piece}}}
                out.append({"type": "tool-call-delta", "index": number, "delta": {"message": calls}})
            out.append({"type": "tool-call-end", "index": number})
    else:
        blocks = [("thinking", scene.thoughts)] if scene.thoughts else []
        for index, (kind, pieces) in enumerate([*blocks, ("text", scene.texts)]):
            content = {"content": {"type": kind, kind: ""}}
            out.append({"type": "content-start", "index": index, "delta": {"message": content}})
            out += [
                {"type": "content-delta", "index": index, "delta": {"message": {"content": {kind: piece}}}}
                for piece in pieces
            ]
            out.append({"type": "content-end", "index": index})
    end = {"finish_reason": _FINISHES[scene.finish], "usage": _usage()}
    return [*out, {"type": "message-end", "id": _ID, "delta": end}]


def _tool_call(number: int, arguments: str) -> dict[str, Any]:
    function = {"name": scenes.TOOL, "arguments": arguments}
    return {"id": f"get_weather_{scenes.call_id(number)}", "type": "function", "function": function}


def _usage() -> dict[str, Any]:
    counts = {"input_tokens": scenes.INPUT_TOKENS, "output_tokens": scenes.OUTPUT_TOKENS}
    return {"billed_units": counts, "tokens": counts, "cached_tokens": scenes.CACHED_TOKENS}


def _embedded(body: dict[str, Any]) -> Reply:
    texts = body.get("texts") or [
        "".join(part.get("text", "") for part in each["content"]) for each in body["inputs"]
    ]
    meta = {"api_version": _VERSION, "billed_units": {"input_tokens": scenes.INPUT_TOKENS}}
    embeddings = {"float": [list(scenes.VECTOR)] * len(texts)}
    return whole(
        {
            "id": _ID,
            "response_type": "embeddings_by_type",
            "embeddings": embeddings,
            "texts": texts,
            "meta": meta,
        }
    )


def _ranked(body: dict[str, Any]) -> Reply:
    """The last document is the best."""
    ranks = range(len(body["documents"]) - 1, -1, -1)[: body.get("top_n")]
    results = [{"index": index, "relevance_score": 0.9 - place / 10} for place, index in enumerate(ranks)]
    meta = {"api_version": _VERSION, "billed_units": {"search_units": 1}}
    return whole({"id": _ID, "results": results, "meta": meta})
