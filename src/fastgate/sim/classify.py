"""POST /moderations and /rerank, GET /models."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from fastgate.sim.options import DEFAULT_MODELS
from fastgate.sim.reply import Reply, json_reply
from fastgate.sim.request import Request, new_id
from fastgate.sim.usage import text_tokens

_CREATED = 1_767_225_600  # 2026-01-01
_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


class ModerationsBody(msgspec.Struct):
    input: str | list[Any]
    model: str | None = "omni-moderation-latest"


class RerankBody(msgspec.Struct):
    model: str
    query: str
    documents: Annotated[list[Any], Meta(min_length=1)]
    top_n: Annotated[int, Meta(ge=1)] | None = None
    return_documents: bool | None = None


_moderations_decoder = msgspec.json.Decoder(ModerationsBody)
_rerank_decoder = msgspec.json.Decoder(RerankBody)


def moderations(request: Request) -> Reply:
    """Nothing is flagged, but a text with the word `flagme`."""
    body = request.decode(_moderations_decoder)
    if body.model is not None:
        request.check_model(body.model)
    texts = [body.input] if isinstance(body.input, str) else body.input
    if texts and isinstance(texts[0], dict):
        texts = [texts]  # parts of one multi-modal input
    results = [_verdict("flagme" in str(text)) for text in texts]
    return json_reply({"id": new_id("modr-"), "model": body.model, "results": results})


def _verdict(flagged: bool) -> dict[str, Any]:
    return {
        "flagged": flagged,
        "categories": {name: flagged and name == "violence" for name in _CATEGORIES},
        "category_scores": {name: 0.9 if flagged and name == "violence" else 1e-4 for name in _CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in _CATEGORIES},
    }


def rerank(request: Request) -> Reply:
    """Cohere's and Jina's shape; the score is the share of the query's words in the document."""
    body = request.decode(_rerank_decoder)
    request.check_model(body.model)
    texts = [_document_text(document) for document in body.documents]
    words = set(body.query.lower().split())
    results: list[dict[str, Any]] = [
        {"index": index, "relevance_score": len(words & set(text.lower().split())) / max(1, len(words))}
        for index, text in enumerate(texts)
    ]
    results.sort(key=lambda result: -result["relevance_score"])
    results = results[: body.top_n]
    if body.return_documents:
        results = [{**result, "document": {"text": texts[result["index"]]}} for result in results]
    tokens = text_tokens(body.query) + sum(text_tokens(text) for text in texts)
    return json_reply(
        {
            "id": new_id("rerank-"),
            "model": body.model,
            "results": results,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _document_text(document: Any) -> str:
    return str(document.get("text", "")) if isinstance(document, dict) else str(document)


def models(request: Request) -> Reply:
    names = request.models or DEFAULT_MODELS
    return json_reply({"object": "list", "data": [_model(name) for name in names]})


def model(request: Request) -> Reply:
    name = "/".join(request.segments)
    request.check_model(name)
    return json_reply(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "fastgate-sim"}
