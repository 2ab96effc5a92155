"""Others that have OpenAI's chat completions, each with paths, keys, errors and members of its own: Azure
OpenAI, Hugging Face's router, and Vertex AI for the models of other publishers.

Sources: Microsoft's REST reference of Azure OpenAI and "Content filtering"; "Inference Providers" of Hugging
Face's documentation and what its router answers; "Using OpenAI libraries with Vertex AI".
"""

import re
from collections.abc import Callable
from typing import Any, Final

from tests.support.vendors import openai
from tests.support.vendors.interface import Asked, RefusedError, Reply, encoded, sse, whole
from tests.support.vendors.scenes import SCENES, scene_in

_FILTERED: Final = {"hate": {"filtered": False, "severity": "safe"}}
_OF_PROMPT: Final = [{"prompt_index": 0, "content_filter_results": _FILTERED}]
_DATED: Final = "gpt-5-2025-08-07"
"""The model of the deployment, which answers by its own name."""

_DEPLOYMENT: Final = re.compile(r"/openai/deployments/([^/]+)/chat/completions")
_HUGGING: Final = re.compile(r"([\w.-]+/[\w.-]+):([a-z-]+)")
_GOOGLES: Final = {429: "RESOURCE_EXHAUSTED", 400: "INVALID_ARGUMENT", 404: "NOT_FOUND"}


class Azure:
    """The endpoint of today, or the one that has the deployment and a version in the URL."""

    key_header = "api-key"

    def __init__(self, *, deployments: bool) -> None:
        self._deployments = deployments

    def answer(self, asked: Asked) -> Reply:
        if self._deployments:
            if _DEPLOYMENT.fullmatch(asked.path) is None:
                raise LookupError(asked.path)
            if asked.query != "api-version=2024-10-21":
                raise RefusedError("api-version: missing or unknown")
        elif asked.path != "/openai/v1/chat/completions":
            raise LookupError(asked.path)
        return _answered(asked, _DATED, _filtered, first=[_FIRST_CHUNK])

    def problem(self, status: int, message: str) -> Reply:
        error: dict[str, Any] = {"code": str(status), "message": message}
        if status == 400:
            error = {"message": message, "type": None, "param": "prompt", "code": "content_filter"}
            error |= {"status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}
        return Reply([encoded({"error": error})], status=status)


_FIRST_CHUNK: Final = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": _OF_PROMPT,
}


class HuggingFace:
    """A model is named with the provider that is to run it, and answers without."""

    key_header = "authorization"

    def answer(self, asked: Asked) -> Reply:
        if asked.path != "/v1/chat/completions":
            raise LookupError(asked.path)
        named = _HUGGING.fullmatch(asked.json()["model"])
        if named is None:
            raise RefusedError(f"The requested model {asked.json()['model']!r} is of no provider")
        reply = _answered(asked, named[1], lambda answer: answer)
        return reply._replace(headers=(("x-inference-provider", named[2]),))

    def problem(self, status: int, message: str) -> Reply:
        """The router's own errors are OpenAI's, those of the providers behind it may be a text."""
        error: Any = message
        if status == 400:
            named = {"type": "invalid_request_error", "param": "model", "code": "model_not_supported"}
            error = {"message": message, **named}
        return Reply([encoded({"error": error})], status=status)


class VertexOpenAI:
    """Its errors are a list of Google's."""

    key_header = "authorization"

    def answer(self, asked: Asked) -> Reply:
        if asked.path != "/v1/projects/p/locations/l/endpoints/openapi/chat/completions":
            raise LookupError(asked.path)
        model = asked.json()["model"]
        if "/" not in model:
            raise RefusedError("model: it is named with its publisher")
        return _answered(asked, model, lambda answer: answer)

    def problem(self, status: int, message: str) -> Reply:
        error = {"code": status, "message": message, "status": _GOOGLES.get(status, "INTERNAL")}
        return Reply([encoded([{"error": error}])], status=status)


def _filtered(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer, or a chunk of one, with what Azure's filters found in it."""
    choices = [{**each, "content_filter_results": _FILTERED} for each in answer["choices"]]
    of_prompt = {"prompt_filter_results": _OF_PROMPT} if answer["object"] == "chat.completion" else {}
    return {**answer, "choices": choices, **of_prompt}


def _answered(
    asked: Asked,
    model: str,
    edit: Callable[[dict[str, Any]], dict[str, Any]],
    first: list[dict[str, Any]] | None = None,
) -> Reply:
    """As OpenAI answers, each answer or chunk edited; `first` are chunks ahead of the others."""
    body = openai.checked_chat(asked)
    scene = SCENES[scene_in(asked.body)]
    if body.get("stream"):
        include = (body.get("stream_options") or {}).get("include_usage", False)
        chunks = openai.chunks(scene, model, include_usage=include)
        return sse([*(first or ()), *map(edit, chunks)], end=b"data: [DONE]\n\n")
    return whole(edit(openai.completion(scene, model)))
