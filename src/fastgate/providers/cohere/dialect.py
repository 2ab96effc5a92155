"""`Dialect` for Cohere."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastgate.domain.endpoint import FORMATS, Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.format import FAMILIES, Format
from fastgate.domain.snapshot import Provider
from fastgate.providers.common.betas import unsaid_betas
from fastgate.providers.common.errors import classify_status
from fastgate.providers.common.head import HeadBuilder
from fastgate.providers.interface import Answer, Header, RequestPlan, StreamDecoder
from fastgate.providers.openai.stream import PlainStream
from fastgate.providers.passthrough import read_summary
from fastgate.wire import cohere
from fastgate.wire.pieces import Body

_PATHS: Final = {
    Format.COHERE_CHAT: "/v2/chat",
    Format.COHERE_EMBED: "/v2/embed",
    Format.COHERE_RERANK: "/v2/rerank",
}
"""One a family."""

_FORMATS: Final = {each.format: each for each in (cohere.EMBED_PROVIDER, cohere.RERANK_PROVIDER)}
"""Those that clients speak too."""

_heads: Final = HeadBuilder()


class CohereDialect:
    """Stateless."""

    def format_for(self, wanted: Format, provider: Provider, model: str) -> Format | None:
        family = next(each for each in FAMILIES if wanted in each)
        return next(each for each in _PATHS if each in family)

    def adapt(self, plan: RequestPlan) -> Callable[[dict[str, Any]], None] | None:
        return None

    def unsaid(self, plan: RequestPlan, body: bytes) -> Sequence[str]:
        return unsaid_betas(plan.headers)

    def build_head(self, plan: RequestPlan, body: Body) -> bytes:
        # Also where the client speaks it: it may have called by the first version's path.
        path = plan.path if plan.format is None else _PATHS[plan.format]
        return _heads.build(plan, path, body, query="" if plan.translated else plan.query)

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        return classify_status(status, headers, body)

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> StreamDecoder:
        """No format that passes through has streams: whatever comes is relayed."""
        return PlainStream()

    def read_answer(self, endpoint: Endpoint, body: bytes, *, stored: bool = False) -> Answer:
        return read_summary(_FORMATS[FORMATS[endpoint]], body)
