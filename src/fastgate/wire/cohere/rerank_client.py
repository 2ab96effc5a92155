"""Cohere's rerank towards clients: `POST /v2/rerank`, and what the first version had besides."""

import msgspec
from msgspec import UNSET, UnsetType

from fastgate.domain.embedding import RerankReply, RerankRequest
from fastgate.domain.format import Format
from fastgate.wire.cohere.meta import CohereMeta, meta_of
from fastgate.wire.cohere.problem import write_problem
from fastgate.wire.embeddings.unstreamed import UnstreamedClient
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, expect
from fastgate.wire.rerank.documents import Document, document_of
from fastgate.wire.rerank.fields import read_rerank, rerank_text


class _Result(msgspec.Struct):
    index: int
    relevance_score: float
    document: Document | UnsetType = UNSET


class _Answer(msgspec.Struct):
    id: str
    results: list[_Result]
    meta: CohereMeta


class CohereRerankClient(UnstreamedClient):
    """Stateless."""

    format = Format.COHERE_RERANK

    def read_request(self, body: bytes, path_model: str | None) -> RerankRequest:
        return read_rerank(body, self.format)

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        reply = expect(answer, RerankReply)
        request = expect(asked.request, RerankRequest)
        return msgspec.json.encode(
            _Answer(
                id=reply.id or asked.fallback_id,
                results=[
                    _Result(
                        each.index,
                        each.score,
                        document_of(request, each.index) if request.return_documents else UNSET,
                    )
                    for each in reply.results
                ],
                meta=meta_of(reply.usage),
            )
        )

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return write_problem(problem)

    def text(self, body: bytes) -> str:
        return rerank_text(body)
