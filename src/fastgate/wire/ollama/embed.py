"""Ollama's `POST /api/embed` towards Ollama."""

from typing import Any, Final

import msgspec

from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.wire.embeddings.inputs import texts_of
from fastgate.wire.embeddings.names import drop_fields, drop_types, name_of
from fastgate.wire.embeddings.unstreamed import UnstreamedProvider
from fastgate.wire.embeddings.vectors import Vector
from fastgate.wire.interface import NO_ANSWER, Losses, Request, Summary, Target, expect
from fastgate.wire.lenient import UNREADABLE, count

_CUTS: Final = {"NONE": False, "END": True}
"""Cohere's names for what becomes of an input that is too long."""


class _Around(msgspec.Struct):
    """An answer without its vectors."""

    model: str | None = None
    prompt_eval_count: Any = None
    error: str | None = None

    def usage(self) -> Usage | None:
        """None where nothing was counted."""
        if self.prompt_eval_count is None:
            return None
        return Usage(input_tokens=count(self.prompt_eval_count))


class _Answer(_Around, kw_only=True):
    embeddings: tuple[Vector, ...]


_answers: Final = msgspec.json.Decoder(_Answer)
_arounds: Final = msgspec.json.Decoder(_Around)


class OllamaEmbedProvider(UnstreamedProvider):
    """Stateless."""

    format = Format.OLLAMA_EMBED

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        asked = expect(request, EmbeddingRequest)
        body: dict[str, Any] = {"model": target.model, "input": texts_of(asked)}
        if asked.dimensions is not None:
            body["dimensions"] = asked.dimensions
        if asked.truncate in _CUTS:
            body["truncate"] = _CUTS[asked.truncate]
        elif asked.truncate is not None:
            losses.drop(name_of(asked, "truncate"))
        drop_fields(asked, losses, "task", "title", "user")
        drop_types(asked, losses, "float")
        return body

    def read_answer(self, body: bytes) -> EmbeddingReply:
        answer = _answers.decode(body)
        return EmbeddingReply(
            id="", model=answer.model or "", vectors={"float": answer.embeddings}, usage=answer.usage()
        )

    def summary(self, body: bytes) -> Summary:
        try:
            around = _arounds.decode(body)
        except UNREADABLE:
            return NO_ANSWER
        if around.error is not None:
            return Summary(None, None, 500, around.error)
        return Summary(around.usage(), None)
