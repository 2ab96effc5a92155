"""`POST /v1/rerank` towards clients."""

import msgspec
from msgspec import UNSET, UnsetType

from fastgate.domain.embedding import RerankReply, RerankRequest
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage
from fastgate.wire.embeddings.unstreamed import UnstreamedClient
from fastgate.wire.interface import Answer, Asked, Header, Losses, Problem, expect
from fastgate.wire.openai import write_problem
from fastgate.wire.rerank.documents import Document, document_of
from fastgate.wire.rerank.fields import read_rerank, rerank_text


class _Result(msgspec.Struct):
    index: int
    relevance_score: float
    document: Document | UnsetType = UNSET


class _Used(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int


class _Answer(msgspec.Struct):
    """`usage` is required by vLLM's and Jina's types, so it is 0 where the provider counted no tokens."""

    id: str
    model: str
    usage: _Used
    results: list[_Result]


class RerankClient(UnstreamedClient):
    """Stateless. Documents are repeated unless the client says otherwise: Jina and vLLM do so."""

    format = Format.RERANK

    def read_request(self, body: bytes, path_model: str | None) -> RerankRequest:
        return read_rerank(body, self.format)

    def write_answer(self, answer: Answer, asked: Asked, losses: Losses) -> bytes:
        reply = expect(answer, RerankReply)
        request = expect(asked.request, RerankRequest)
        used = (reply.usage or Usage()).input_tokens
        repeated = request.return_documents is not False
        return msgspec.json.encode(
            _Answer(
                id=reply.id or asked.fallback_id,
                model=reply.model or asked.model,
                usage=_Used(used, used),
                results=[
                    _Result(each.index, each.score, document_of(request, each.index) if repeated else UNSET)
                    for each in reply.results
                ],
            )
        )

    def write_problem(self, problem: Problem) -> tuple[list[Header], bytes]:
        return write_problem(problem)

    def text(self, body: bytes) -> str:
        return rerank_text(body)
