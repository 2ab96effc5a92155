"""What an SDK's object must say, by what the upstream said and what the SDK's format can say."""

from typing import Any, Final

from tests.sdk.matrix.upstreams import Upstream
from tests.support.vendors import scenes
from tests.support.vendors.scenes import SCENES, TOOL, Scene

_FINISHES: Final = {
    "chat": {"stop": "stop", "tools": "tool_calls", "sequence": "stop"},
    "completions": {"stop": "stop", "sequence": "stop"},
    "responses": {"stop": "completed", "tools": "completed", "sequence": "completed"},
    "messages": {"stop": "end_turn", "tools": "tool_use", "sequence": "stop_sequence"},
    "gemini": {"stop": "STOP", "tools": "STOP", "sequence": "STOP"},
    "converse": {"stop": "end_turn", "tools": "tool_use", "sequence": "stop_sequence"},
    "invoke": {"stop": "end_turn", "tools": "tool_use", "sequence": "stop_sequence"},
}
# Of plain calls, and those that calls are named after.
_FORMATS: Final = {
    "openai": ("chat", "responses", "completions"),
    "anthropic": ("messages",),
    "google": ("gemini",),
    "bedrock": ("converse", "invoke"),
}
_ERRORS: Final = {
    "openai": {"limited": "RateLimitError", "bad": "BadRequestError", "dies": "APIError"},
    "anthropic": {"limited": "RateLimitError", "bad": "BadRequestError", "dies": "APIStatusError"},
    "google": {"limited": "ClientError", "bad": "ClientError", "dies": "ServerError"},
    "bedrock": {
        "limited": "ThrottlingException",
        "bad": "ValidationException",
        "dies": "EventStreamError",
    },
}
# The end of a stream is no answer with a status: what the SDK says of one there.
_DEAD: Final[dict[str, dict[str, Any]]] = {
    "openai": {"status": None},
    "anthropic": {"status": 200},
    "google": {"status": 502},
    "bedrock": {"code": "modelStreamErrorException"},
}
_TOOL_PLAN: Final = "I will look."


def format_of(dialect: str, call: str) -> str:
    """What the SDK of this dialect speaks in this call."""
    plain, *others = _FORMATS[dialect]
    return next((each for each in others if call.startswith(each)), plain)


def answer(dialect: str, call: str, upstream: Upstream, task: str) -> Any:
    """Of a conversation that goes well."""
    second = {"loop": "told", "again": "thought"}.get(call.rpartition("_")[2])
    scene = SCENES[second or ("image" if task == "image_url" else task)]
    spoken = format_of(dialect, call)
    finish = scene.finish
    if finish == "sequence" and not upstream.says_sequence:
        finish = "stop"
    text, thoughts = _words(scene, upstream)
    return {
        "text": text,
        "thoughts": thoughts,
        "calls": [[TOOL, {"city": city}] for city in scene.cities],
        "finish": _FINISHES[spoken][finish],
        "usage": _usage(spoken, upstream, scene),
    }


def _words(scene: Scene, upstream: Upstream) -> tuple[str, str]:
    """Cohere's plan before its calls is thought, and not said."""
    text = "".join(scene.texts)
    if scene.cities and upstream.name == "cohere":
        return "", text or _TOOL_PLAN
    return text, "".join(scene.thoughts) if upstream.thinks else ""


def _usage(spoken: str, upstream: Upstream, scene: Scene) -> dict[str, int]:
    usage = {
        "input": scenes.INPUT_TOKENS,
        "cached": scenes.CACHED_TOKENS if upstream.caches else 0,
        "output": scenes.OUTPUT_TOKENS,
    }
    if spoken == "converse":
        return usage
    # Claude behind Bedrock counts them where it is spoken to in its own format.
    counted = upstream.reasons or (upstream.name == "bedrock-claude" and spoken in {"messages", "invoke"})
    return {**usage, "reasoning": scenes.REASONING_TOKENS if scene.thoughts and counted else 0}


def error(dialect: str, call: str, task: str) -> Any:
    """What an SDK raises where the upstream refuses, or dies in the middle."""
    if task == "dies" and call.startswith("responses"):
        return {"raised": "server_error", "status": None}
    name = _ERRORS[dialect][task]
    return {"raised": name, **(_DEAD[dialect] if task == "dies" else {"status": scenes.FAILING[task]})}
