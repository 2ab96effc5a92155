"""`Dialect` for Ollama: no client speaks its formats, so nothing passes through."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.format import CONVERSATIONS, EMBEDDINGS, Format
from fastgate.domain.snapshot import Provider
from fastgate.providers.common.betas import unsaid_betas
from fastgate.providers.common.errors import classify_status
from fastgate.providers.common.head import HeadBuilder
from fastgate.providers.interface import Header, RequestPlan
from fastgate.wire.pieces import Body

_PATHS: Final = {Format.OLLAMA_CHAT: "/api/chat", Format.OLLAMA_EMBED: "/api/embed"}

_heads: Final = HeadBuilder()


class OllamaDialect:
    """Stateless."""

    def format_for(self, wanted: Format, provider: Provider, model: str) -> Format | None:
        if wanted in CONVERSATIONS:
            return Format.OLLAMA_CHAT
        return Format.OLLAMA_EMBED if wanted in EMBEDDINGS else None

    def adapt(self, plan: RequestPlan) -> Callable[[dict[str, Any]], None] | None:
        return None

    def unsaid(self, plan: RequestPlan, body: bytes) -> Sequence[str]:
        return unsaid_betas(plan.headers)

    def build_head(self, plan: RequestPlan, body: Body) -> bytes:
        if plan.format is None:
            raise ValueError("an endpoint that Ollama has not")
        return _heads.build(plan, _PATHS[plan.format], body)

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        return classify_status(status, headers, body)

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> NoReturn:
        """TypeError: see above."""
        raise TypeError("nothing passes through to Ollama")

    def read_answer(self, endpoint: Endpoint, body: bytes, *, stored: bool = False) -> NoReturn:
        """TypeError: see above."""
        raise TypeError("nothing passes through to Ollama")
