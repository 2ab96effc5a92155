"""Cohere's embedding models on Bedrock: Cohere's body without the model, and an answer without usage, which
Bedrock counts in a header."""

from typing import Any, Final

import msgspec

from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.wire.beside import Beside
from fastgate.wire.cohere.embed_body import TYPES, write_inputs, write_task
from fastgate.wire.cohere.embed_provider import EmbedAnswer
from fastgate.wire.embeddings.names import drop_fields, drop_types, name_of
from fastgate.wire.embeddings.unstreamed import UnstreamedProvider
from fastgate.wire.embeddings.vectors import asked_types
from fastgate.wire.interface import NO_ANSWER, Losses, Request, Summary, Target, expect
from fastgate.wire.lenient import UNREADABLE, text

_THIRD: Final = ("embed-english-v3", "embed-multilingual-v3")
_CUTS_THIRD: Final = {"NONE": "NONE", "START": "START", "END": "END"}
_CUTS: Final = {"NONE": "NONE", "START": "LEFT", "END": "RIGHT"}

_BESIDE: Final = Beside({"images": None})
_answers: Final = msgspec.json.Decoder(EmbedAnswer)


class _Around(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw()


_arounds: Final = msgspec.json.Decoder(_Around)


class BedrockCohereProvider(UnstreamedProvider):
    """Stateless. A model whose name does not tell its version is taken for the newest."""

    format = Format.BEDROCK_COHERE_EMBED
    beside = _BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        asked = expect(request, EmbeddingRequest)
        third = any(name in target.model for name in _THIRD)
        body = write_inputs(asked, flat_image=True)
        body["input_type"] = write_task(asked, body, losses)
        body["embedding_types"] = [each for each in asked_types(asked) if each in TYPES] or ["float"]
        if asked.dimensions is not None:
            if third:
                losses.drop(name_of(asked, "dimensions"))
            else:
                body["output_dimension"] = asked.dimensions
        if asked.truncate is not None:
            cut = (_CUTS_THIRD if third else _CUTS).get(asked.truncate)
            if cut is None:
                losses.drop(name_of(asked, "truncate"))
            else:
                body["truncate"] = cut
        drop_fields(asked, losses, "title", "user")
        drop_types(asked, losses, *TYPES)
        return body

    def read_answer(self, body: bytes) -> EmbeddingReply:
        return _answers.decode(body).reply()

    def summary(self, body: bytes) -> Summary:
        try:
            around = _arounds.decode(body)
        except UNREADABLE:
            return NO_ANSWER
        return Summary(None, text(around.id))
