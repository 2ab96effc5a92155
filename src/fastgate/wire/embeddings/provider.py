"""OpenAI's embeddings towards providers: OpenAI itself, and all servers that speak its dialect."""

from typing import Any, Final

import msgspec

from fastgate.domain.embedding import EmbeddingReply, EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.wire.embeddings.inputs import is_tokens, text_of
from fastgate.wire.embeddings.names import drop_fields, drop_types
from fastgate.wire.embeddings.unstreamed import UnstreamedProvider
from fastgate.wire.embeddings.vectors import Vector, from_base64
from fastgate.wire.interface import NO_ANSWER, Losses, Request, Summary, Target, expect
from fastgate.wire.lenient import UNREADABLE, text
from fastgate.wire.openai_errors import error_in
from fastgate.wire.openai_usage import usage_of


class _Embedding(msgspec.Struct):
    embedding: str | Vector
    index: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Embedding]
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _Around(msgspec.Struct):
    """An answer without its vectors."""

    id: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()


_answers: Final = msgspec.json.Decoder(_Answer)
_arounds: Final = msgspec.json.Decoder(_Around)


class EmbeddingsProvider(UnstreamedProvider):
    """Stateless."""

    format = Format.EMBEDDINGS

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        asked = expect(request, EmbeddingRequest)
        inputs = [_input(asked, index) for index in range(len(asked.inputs))]
        body: dict[str, Any] = {"model": target.model, "input": inputs[0] if asked.single else inputs}
        if asked.dimensions is not None:
            body["dimensions"] = asked.dimensions
        if asked.user is not None:
            body["user"] = asked.user
        drop_fields(asked, losses, "task", "title", "truncate")
        drop_types(asked, losses, "float")
        return body

    def read_answer(self, body: bytes) -> EmbeddingReply:
        answer = _answers.decode(body)
        # By their own account of their order, where all give one.
        if all(each.index is not None for each in answer.data):
            answer.data.sort(key=lambda each: each.index or 0)
        vectors = tuple(
            from_base64(each.embedding) if isinstance(each.embedding, str) else each.embedding
            for each in answer.data
        )
        return EmbeddingReply(
            id=answer.id or "",
            model=answer.model or "",
            vectors={"float": vectors},
            usage=usage_of(answer.usage, msgspec.Raw()),
        )

    def summary(self, body: bytes) -> Summary:
        error = error_in(body)
        if error is not None:
            return Summary(None, None, error.status, error.message)
        try:
            around = _arounds.decode(body)
        except UNREADABLE:
            return NO_ANSWER
        return Summary(usage_of(around.usage, msgspec.Raw()), text(around.id))


def _input(request: EmbeddingRequest, index: int) -> str | list[Any]:
    item = request.inputs[index]
    if isinstance(item, tuple) and is_tokens(item):
        return list(item)
    return text_of(request, index)
