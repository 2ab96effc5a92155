"""Anthropic's Messages: at its own API, and as Vertex AI and Bedrock's InvokeModel have them. Requests are
judged by the types of anthropic-python."""

from typing import Any, Final

from tests.support import messages_schema
from tests.support.vendors import scenes
from tests.support.vendors.interface import Asked, RefusedError, Reply, checked, encoded, sse, whole
from tests.support.vendors.scenes import SCENES, Scene, scene_in

key_header: Final = "x-api-key"

_FINISHES: Final = {"stop": "end_turn", "tools": "tool_use", "sequence": "stop_sequence"}
_ERRORS: Final = {429: "rate_limit_error", 400: "invalid_request_error", 404: "not_found_error"}
_THREADS: Final = "message-threads-2026-08-12"
_LATEST: Final = "2026-10-21"
_VERSIONS: Final = ("2023-06-01", _LATEST)


def answer(asked: Asked) -> Reply:
    body = asked.json()
    if asked.headers.get("anthropic-version") not in _VERSIONS:
        raise RefusedError("anthropic-version: no version")
    if asked.path == "/v1/messages/count_tokens":
        checked(messages_schema.checked_request, {"max_tokens": 1, **body})
        return whole({"input_tokens": scenes.INPUT_TOKENS})
    if asked.path != "/v1/messages":
        raise LookupError(asked.path)
    # Not among the types that the check knows, since it is of a beta.
    if _THREADS in asked.headers.get("anthropic-beta", ""):
        body.pop("thread", None)
    if asked.headers["anthropic-version"] == _LATEST:
        _check_latest(body)
    checked(messages_schema.checked_request, body)
    scene = SCENES[scene_in(asked.body)]
    if body.get("stream"):
        return sse(events(scene, body["model"]), named=True)
    return whole(message(scene, body["model"]))


def _check_latest(body: dict[str, Any]) -> None:
    """RefusedError for what the version of October 2026 takes no longer."""
    for name in ("temperature", "top_p", "top_k"):
        if name in body:
            raise RefusedError(f"{name}: it cannot be set under this version")
    for message in body["messages"]:
        for block in message["content"] if isinstance(message["content"], list) else ():
            if message["role"] == "assistant" and block["type"] == "document":
                raise RefusedError("messages: documents are not permitted in an assistant's turn")
            if message["role"] == "user" and block["type"] == "text" and block.get("citations"):
                raise RefusedError("messages: citations are not permitted in a user's turn")


def check_hosted(body: dict[str, Any], version: str) -> None:
    """RefusedError. Where another vendor has these models, the version stands in the body, and no model."""
    if body.get("anthropic_version") not in (version, _LATEST):
        raise RefusedError("anthropic_version: no version")
    if "model" in body:
        raise RefusedError("model: extra inputs are not permitted")
    plain = {name: value for name, value in body.items() if not name.startswith("anthropic_")}
    if body["anthropic_version"] == _LATEST:
        _check_latest(body)
    checked(messages_schema.checked_request, {"model": "m", **plain})


def problem(status: int, message: str) -> Reply:
    error = {"type": _ERRORS.get(status, "api_error"), "message": message}
    body = {"type": "error", "error": error, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}
    return Reply([encoded(body)], status=status)


def message(scene: Scene, model: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if scene.thoughts:
        thought = {"thinking": "".join(scene.thoughts), "signature": scenes.SIGNATURE}
        content.append({"type": "thinking", **thought})
    if scene.texts:
        content.append({"type": "text", "text": "".join(scene.texts), "citations": None})
    content += [{**_tool_use(number), "input": {"city": city}} for number, city in enumerate(scene.cities)]
    return {
        **_head(model),
        "content": content,
        **_stop(scene),
        "usage": {**_usage(scene), "output_tokens": scenes.OUTPUT_TOKENS},
    }


def events(scene: Scene, model: str) -> list[dict[str, Any]]:
    begun = {**_usage(scene), "output_tokens": 1}
    head = {**_head(model), "content": [], "stop_reason": None, "stop_sequence": None, "usage": begun}
    out: list[dict[str, Any]] = [{"type": "message_start", "message": head}, {"type": "ping"}]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if scene.thoughts:
        deltas = [{"type": "thinking_delta", "thinking": each} for each in scene.thoughts]
        deltas.append({"type": "signature_delta", "signature": scenes.SIGNATURE})
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, deltas))
    if scene.texts:
        deltas = [{"type": "text_delta", "text": each} for each in scene.texts]
        blocks.append(({"type": "text", "text": "", "citations": None}, deltas))
    for number, city in enumerate(scene.cities):
        pieces = ("", '{"city": ', f'"{city}"}}')
        deltas = [{"type": "input_json_delta", "partial_json": each} for each in pieces]
        blocks.append(({**_tool_use(number), "input": {}}, deltas))
    for index, (block, deltas) in enumerate(blocks):
        out.append({"type": "content_block_start", "index": index, "content_block": block})
        out += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        out.append({"type": "content_block_stop", "index": index})
    final = {**_counts(scene), "output_tokens": scenes.OUTPUT_TOKENS}
    return [
        *out,
        {"type": "message_delta", "delta": _stop(scene), "usage": final},
        {"type": "message_stop"},
    ]


def _head(model: str) -> dict[str, Any]:
    return {"id": "msg_013Zva2CMHLNnXjNJJKqJ2EF", "type": "message", "role": "assistant", "model": model}


def _stop(scene: Scene) -> dict[str, Any]:
    return {
        "stop_reason": _FINISHES[scene.finish],
        "stop_sequence": "END" if scene.finish == "sequence" else None,
        "stop_details": None,
        "container": None,
    }


def _usage(scene: Scene) -> dict[str, Any]:
    return {
        **_counts(scene),
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "service_tier": "standard",
        "inference_geo": None,
    }


def _counts(scene: Scene) -> dict[str, Any]:
    """What the end of a stream says again."""
    return {
        "input_tokens": scenes.INPUT_TOKENS - scenes.CACHED_TOKENS,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": scenes.CACHED_TOKENS,
        "output_tokens_details": {"thinking_tokens": scenes.REASONING_TOKENS if scene.thoughts else 0},
        "server_tool_use": None,
    }


def _tool_use(number: int) -> dict[str, Any]:
    identity = {"id": f"toolu_{scenes.call_id(number)}", "name": scenes.TOOL}
    return {"type": "tool_use", **identity, "caller": {"type": "direct"}}
