"""Cohere's `POST /v2/rerank` towards Cohere."""

from typing import Any, Final

import msgspec

from fastgate.domain.embedding import Ranked, RerankReply, RerankRequest
from fastgate.domain.format import Format
from fastgate.wire.beside import Beside
from fastgate.wire.cohere.meta import BESIDE_META
from fastgate.wire.cohere.usage import usage_in
from fastgate.wire.embeddings.unstreamed import UnstreamedProvider
from fastgate.wire.interface import NO_ANSWER, Losses, Request, Summary, Target, expect
from fastgate.wire.lenient import UNREADABLE, text
from fastgate.wire.rerank.documents import drop_beside_text, texts_of


class _Result(msgspec.Struct):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct):
    results: list[_Result]
    id: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()


class _Around(msgspec.Struct):
    """An answer without its results."""

    id: msgspec.Raw = msgspec.Raw()
    meta: msgspec.Raw = msgspec.Raw()


_BESIDE: Final = Beside({"meta": BESIDE_META})
_answers: Final = msgspec.json.Decoder(_Answer)
_arounds: Final = msgspec.json.Decoder(_Around)


class CohereRerankProvider(UnstreamedProvider):
    """Stateless. Documents need not be asked back: the request has them."""

    format = Format.COHERE_RERANK
    beside = _BESIDE

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        asked = expect(request, RerankRequest)
        body: dict[str, Any] = {
            "model": target.model,
            "query": asked.query,
            "documents": texts_of(asked),
        }
        drop_beside_text(asked, losses)
        if asked.top_n is not None:
            body["top_n"] = asked.top_n
        if asked.max_tokens_per_doc is not None:
            body["max_tokens_per_doc"] = asked.max_tokens_per_doc
        return body

    def read_answer(self, body: bytes) -> RerankReply:
        answer = _answers.decode(body)
        return RerankReply(
            id=text(answer.id) or "",
            model="",
            results=tuple(Ranked(each.index, each.relevance_score) for each in answer.results),
            usage=usage_in(answer.meta),
        )

    def summary(self, body: bytes) -> Summary:
        try:
            around = _arounds.decode(body)
        except UNREADABLE:
            return NO_ANSWER
        return Summary(usage_in(around.meta), text(around.id))
