"""Cohere's `POST /v2/embed` towards Cohere."""

from typing import Any, Final

import msgspec

from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.wire.beside import Beside
from fastgate.wire.cohere.embed_body import TYPES, write_inputs, write_task
from fastgate.wire.cohere.meta import BESIDE_META
from fastgate.wire.cohere.usage import usage_in
from fastgate.wire.embeddings.names import drop_fields, drop_types, name_of
from fastgate.wire.embeddings.unstreamed import UnstreamedProvider
from fastgate.wire.embeddings.vectors import Vector, asked_types, from_base64
from fastgate.wire.interface import NO_ANSWER, Losses, Request, Summary, Target, expect
from fastgate.wire.lenient import UNREADABLE, text

_BESIDE: Final = Beside({"images": None, "meta": BESIDE_META})
_CUTS: Final = ("NONE", "START", "END")


class _ByType(msgspec.Struct, rename={"floats": "float"}):
    floats: tuple[Vector, ...] | None = None
    int8: tuple[Vector, ...] | None = None
    uint8: tuple[Vector, ...] | None = None
    binary: tuple[Vector, ...] | None = None
    ubinary: tuple[Vector, ...] | None = None
    base64: tuple[str, ...] | None = None


class EmbedAnswer(msgspec.Struct):
    """`embeddings` are a list where the request named no types."""

    embeddings: _ByType | tuple[Vector, ...]
    id: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()

    def reply(self) -> EmbeddingReply:
        return EmbeddingReply(
            id=text(self.id) or "",
            model="",
            vectors=self._vectors(),
            usage=usage_in(self.meta),
        )

    def _vectors(self) -> dict[str, tuple[Vector, ...]]:
        given = self.embeddings
        if isinstance(given, tuple):
            return {"float": given}
        found = {
            "float": given.floats,
            "int8": given.int8,
            "uint8": given.uint8,
            "binary": given.binary,
            "ubinary": given.ubinary,
        }
        if given.base64 is not None:
            found["float"] = tuple(from_base64(each) for each in given.base64)
        return {name: vectors for name, vectors in found.items() if vectors is not None}


class _Around(msgspec.Struct):
    """An answer without its vectors."""

    id: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()


_answers: Final = msgspec.json.Decoder(EmbedAnswer)
_arounds: Final = msgspec.json.Decoder(_Around)


class CohereEmbedProvider(UnstreamedProvider):
    """Stateless."""

    format = Format.COHERE_EMBED
    beside = _BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        asked = expect(request, EmbeddingRequest)
        body = {"model": target.model, **write_inputs(asked)}
        body["input_type"] = write_task(asked, body, losses)
        body["embedding_types"] = [each for each in asked_types(asked) if each in TYPES] or ["float"]
        if asked.dimensions is not None:
            body["output_dimension"] = asked.dimensions
        if asked.truncate in _CUTS:
            body["truncate"] = asked.truncate
        elif asked.truncate is not None:
            losses.drop(name_of(asked, "truncate"))
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
        return Summary(usage_in(around.meta), text(around.id))
