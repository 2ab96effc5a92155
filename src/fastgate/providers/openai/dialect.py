"""`Dialect` for everything that speaks OpenAI's."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.format import FAMILIES, Format
from fastgate.domain.snapshot import Provider
from fastgate.providers.common.betas import unsaid_betas
from fastgate.providers.common.errors import classify_status
from fastgate.providers.common.head import HeadBuilder, segment
from fastgate.providers.interface import Answer, Header, RequestPlan, StreamDecoder
from fastgate.providers.openai.answer import read_answer
from fastgate.providers.openai.responses_stream import ResponsesStream
from fastgate.providers.openai.stream import ChunkStream, PlainStream
from fastgate.wire.pieces import Body

_ENDPOINTS: Final = {
    Format.CHAT: Endpoint.CHAT,
    Format.COMPLETIONS: Endpoint.COMPLETIONS,
    Format.RESPONSES: Endpoint.RESPONSES,
    Format.EMBEDDINGS: Endpoint.EMBEDDINGS,
    Format.RERANK: Endpoint.RERANK,
}
_PATHS: Final = {
    Format.CHAT: "/chat/completions",
    Format.EMBEDDINGS: "/embeddings",
    Format.RERANK: "/rerank",
}
"""Of the formats that others are translated into, one a family."""

_heads: Final = HeadBuilder(b"openai-")


class OpenAIDialect:
    """Stateless."""

    def format_for(self, wanted: Format, provider: Provider, model: str) -> Format | None:
        endpoint = _ENDPOINTS.get(wanted)
        if endpoint is not None and endpoint in provider.endpoints:
            return wanted
        family = next(each for each in FAMILIES if wanted in each)
        common = next(each for each in _PATHS if each in family)
        return common if _ENDPOINTS[common] in provider.endpoints else None

    def adapt(self, plan: RequestPlan) -> Callable[[dict[str, Any]], None] | None:
        return None

    def unsaid(self, plan: RequestPlan, body: bytes) -> Sequence[str]:
        return unsaid_betas(plan.headers)

    def build_head(self, plan: RequestPlan, body: Body) -> bytes:
        path, query = plan.path, plan.query
        if plan.translated:
            assert plan.format is not None
            path, query = _PATHS[plan.format], ""
        names_deployment = plan.provider.azure_deployments and not path.startswith("/responses")
        prefix = "/deployments/" + segment(plan.model) if names_deployment else ""
        return _heads.build(plan, path, body, prefix=prefix, query=query)

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        return classify_status(status, headers, body)

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> StreamDecoder:
        if endpoint is Endpoint.CHAT:
            return ChunkStream(choices)
        if endpoint is Endpoint.COMPLETIONS:
            return ChunkStream(choices, more_choices=True)
        if endpoint is Endpoint.RESPONSES:
            return ResponsesStream()
        return PlainStream()

    def read_answer(self, endpoint: Endpoint, body: bytes, *, stored: bool = False) -> Answer:
        return read_answer(endpoint, body, stored=stored)
