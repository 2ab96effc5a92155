"""`POST /v1/rerank` towards providers, whose answers differ in small things."""

from typing import Any, Final

import msgspec

from fastgate.domain.embedding import Ranked, RerankReply, RerankRequest
from fastgate.domain.format import Format
from fastgate.wire.embeddings.unstreamed import UnstreamedProvider
from fastgate.wire.interface import NO_ANSWER, Losses, Request, Summary, Target, expect
from fastgate.wire.lenient import UNREADABLE, text
from fastgate.wire.openai_errors import error_in
from fastgate.wire.openai_usage import usage_of
from fastgate.wire.rerank.documents import Document


class _Result(msgspec.Struct):
    """`score` in text-embeddings-inference."""

    index: int
    relevance_score: float | None = None
    score: float | None = None

    def ranked(self) -> Ranked:
        score = self.score if self.relevance_score is None else self.relevance_score
        if score is None:
            raise ValueError("a result without a score")
        return Ranked(self.index, score)


class _Around(msgspec.Struct):
    """An answer without its results."""

    id: msgspec.Raw = msgspec.Raw()
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _Answer(_Around):
    """`data` at Voyage."""

    results: list[_Result] | None = None
    data: list[_Result] | None = None


_answers: Final = msgspec.json.Decoder(_Answer | list[_Result])
_arounds: Final = msgspec.json.Decoder(_Around | list[msgspec.Raw])


class RerankProvider(UnstreamedProvider):
    """Stateless. Documents are not asked back: the request has them."""

    format = Format.RERANK

    def write_request(self, request: Request, target: Target, losses: Losses) -> dict[str, Any]:
        asked = expect(request, RerankRequest)
        body: dict[str, Any] = {
            "model": target.model,
            "query": asked.query,
            "documents": [_document(each) for each in asked.documents],
            "return_documents": False,
        }
        if asked.top_n is not None:
            body["top_n"] = asked.top_n
        if asked.max_tokens_per_doc is not None:
            losses.drop("max_tokens_per_doc")
        return body

    def read_answer(self, body: bytes) -> RerankReply:
        decoded = _answers.decode(body)
        # text-embeddings-inference ranks in an array.
        answer = _Answer(results=decoded) if isinstance(decoded, list) else decoded
        results = answer.data if answer.results is None else answer.results
        if results is None:
            raise ValueError("an answer without results")
        ranked = [each.ranked() for each in results]
        ranked.sort(key=lambda each: -each.score)
        return RerankReply(
            id=text(answer.id) or "",
            model=answer.model or "",
            results=tuple(ranked),
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
        if isinstance(around, list):
            return Summary(None, None)
        return Summary(usage_of(around.usage, msgspec.Raw()), text(around.id))


def _document(document: str | Document) -> str | Document:
    """Servers that know texts alone are the most."""
    text = document.get("text") if isinstance(document, dict) and len(document) == 1 else None
    return text if isinstance(text, str) else document
