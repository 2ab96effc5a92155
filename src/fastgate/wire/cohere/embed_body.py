"""The inputs of a request for embeddings as Cohere has them, on its own API and on Bedrock."""

from typing import Any, Final

from fastgate.domain.conversation import Image, Text
from fastgate.domain.embedding import EmbeddingRequest
from fastgate.wire.chat.media import UNKNOWN_IMAGE, url_of
from fastgate.wire.embeddings.inputs import refusal, text_of
from fastgate.wire.embeddings.names import name_of
from fastgate.wire.interface import Losses

TASKS: Final = ("search_document", "search_query", "classification", "clustering", "image")
TYPES: Final = ("float", "int8", "uint8", "binary", "ubinary")
DEFAULT_TASK: Final = "search_document"
"""Required of each request: what others say nothing of is mostly meant to be searched."""


def write_inputs(request: EmbeddingRequest, *, flat_image: bool = False) -> dict[str, Any]:
    """`texts`, `images`, or `inputs` where both are mixed. `flat_image`: an image in `inputs` is its URL, not
    an object that has one. GatewayError `invalid_field` for token ids and images that are not bytes."""
    images = [
        isinstance(item, tuple) and any(isinstance(part, Image) for part in item) for item in request.inputs
    ]
    if not any(images):
        return {"texts": [text_of(request, index) for index in range(len(request.inputs))]}
    if all(images) and all(len(item) == 1 for item in request.inputs):
        return {"images": [_image(request, index, item[0]) for index, item in enumerate(request.inputs)]}
    return {
        "inputs": [{"content": _content(request, index, flat_image)} for index in range(len(request.inputs))]
    }


def write_task(request: EmbeddingRequest, body: dict[str, Any], losses: Losses) -> str:
    """`input_type` for the inputs in `body`."""
    if request.task in TASKS:
        return request.task
    if request.task is not None:
        losses.drop(name_of(request, "task"))
    return "image" if "images" in body else DEFAULT_TASK


def _content(request: EmbeddingRequest, index: int, flat_image: bool) -> list[dict[str, Any]]:
    item = request.inputs[index]
    if isinstance(item, str) or not any(isinstance(part, Image) for part in item):
        return [{"type": "text", "text": text_of(request, index)}]
    content: list[dict[str, Any]] = []
    for part in item:
        if isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        else:
            url = _image(request, index, part)
            content.append({"type": "image_url", "image_url": url if flat_image else {"url": url}})
    return content


def _image(request: EmbeddingRequest, index: int, part: object) -> str:
    url = (
        url_of(part.source, UNKNOWN_IMAGE)
        if isinstance(part, Image) and part.source.data is not None
        else None
    )
    if url is None:
        raise refusal(request, index, "This model's provider takes images as bytes in base64 only.")
    return url
