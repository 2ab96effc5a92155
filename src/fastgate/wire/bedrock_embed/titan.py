"""Amazon's Titan models: one input a call."""

from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Image, Text
from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.errors import GatewayError
from fastgate.wire.beside import Beside
from fastgate.wire.embeddings.inputs import refusal, text_of
from fastgate.wire.embeddings.names import drop_fields, drop_types, name_of
from fastgate.wire.embeddings.unstreamed import UnstreamedProvider
from fastgate.wire.embeddings.vectors import Vector
from fastgate.wire.interface import NO_ANSWER, Losses, Request, Summary, Target, expect
from fastgate.wire.lenient import UNREADABLE, count

_FIRST: Final = ("titan-embed-text-v1", "titan-embed-g1-text")
_IMAGES: Final = "titan-embed-image"


class _Used(msgspec.Struct):
    tokens: Any = msgspec.field(name="inputTextTokenCount", default=0)

    def usage(self) -> Usage:
        return Usage(input_tokens=count(self.tokens))


class _Answer(_Used, kw_only=True):
    embedding: Vector


_BESIDE: Final = Beside({"message": None})
_answers: Final = msgspec.json.Decoder(_Answer)
_used: Final = msgspec.json.Decoder(_Used)


class TitanProvider(UnstreamedProvider):
    """Stateless. A model whose name tells nothing is taken for the second text model."""

    format = Format.TITAN_EMBED
    beside = _BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        asked = expect(request, EmbeddingRequest)
        if len(asked.inputs) != 1:
            raise GatewayError(
                "invalid_field",
                f"Titan models take one input a call, and this request has {len(asked.inputs)}.",
                param=name_of(asked, "inputs"),
            )
        drop_fields(asked, losses, "task", "title", "truncate", "user")
        drop_types(asked, losses, "float")
        if _IMAGES in target.model:
            return _of_both(asked)
        body: dict[str, Any] = {"inputText": text_of(asked, 0)}
        if asked.dimensions is not None:
            if any(name in target.model for name in _FIRST):
                losses.drop(name_of(asked, "dimensions"))
            else:
                body["dimensions"] = asked.dimensions
        return body

    def read_answer(self, body: bytes) -> EmbeddingReply:
        answer = _answers.decode(body)
        return EmbeddingReply(id="", model="", vectors={"float": (answer.embedding,)}, usage=answer.usage())

    def summary(self, body: bytes) -> Summary:
        try:
            used = _used.decode(body)
        except UNREADABLE:
            return NO_ANSWER
        return Summary(used.usage(), None)


def _of_both(request: EmbeddingRequest) -> dict[str, Any]:
    """For the multimodal model: a text, an image, or one of each."""
    item = request.inputs[0]
    parts = item if isinstance(item, tuple) else (Text(text=item),)
    texts = [part.text for part in parts if isinstance(part, Text)]
    images = [part.source.data for part in parts if isinstance(part, Image)]
    if len(texts) + len(images) < len(parts) or len(images) > 1 or None in images:
        raise refusal(request, 0, "This model takes text and one image, which has to be bytes in base64.")
    body: dict[str, Any] = {}
    if texts:
        body["inputText"] = "\n".join(texts)
    if images:
        body["inputImage"] = images[0]
    if request.dimensions is not None:
        body["embeddingConfig"] = {"outputEmbeddingLength": request.dimensions}
    return body
