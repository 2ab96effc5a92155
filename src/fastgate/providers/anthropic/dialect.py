"""`Dialect` for Anthropic's API, and for other servers that speak it."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.format import CONVERSATIONS, Format
from fastgate.domain.snapshot import Provider
from fastgate.providers.anthropic.errors import classify_error
from fastgate.providers.common.head import HeadBuilder
from fastgate.providers.interface import Answer, Header, RequestPlan, StreamDecoder
from fastgate.providers.passthrough import PassedThrough, read_summary
from fastgate.wire.messages import CLIENT, PROVIDER
from fastgate.wire.messages.hosted import FIRST_VERSION
from fastgate.wire.pieces import Body

_PATH: Final = "/v1/messages"
_VERSION: Final = b"anthropic-version"
_BETA: Final = b"anthropic-beta"
_FIRST_VERSION: Final = ((_VERSION, FIRST_VERSION.encode()),)
_OAUTH: Final = "sk-ant-oat"
_OAUTH_BETA: Final = b"oauth-2025-04-20"

_heads: Final = HeadBuilder(b"anthropic-")


class AnthropicDialect:
    """Stateless."""

    def format_for(self, wanted: Format, provider: Provider, model: str) -> Format | None:
        return Format.MESSAGES if wanted in CONVERSATIONS else None

    def adapt(self, plan: RequestPlan) -> Callable[[dict[str, Any]], None] | None:
        """A client of Vertex AI says its version in the body, where this API knows no such member."""
        return None if plan.translated or _says_version(plan) else _without_version

    def unsaid(self, plan: RequestPlan, body: bytes) -> Sequence[str]:
        return ()

    def build_head(self, plan: RequestPlan, body: Body) -> bytes:
        """A client of this API says its version; what is written here for others is of the first one."""
        path, query = (_PATH, "") if plan.translated else (plan.path, plan.query)
        extra: Sequence[Header] = () if not plan.translated and _says_version(plan) else _FIRST_VERSION
        if isinstance(plan.secret, str) and plan.secret.startswith(_OAUTH):
            extra = (*extra, (_BETA, _with_oauth(plan.headers)))
            bearer = msgspec.structs.replace(
                plan.provider, auth_header="authorization", auth_prefix="Bearer "
            )
            plan = plan._replace(provider=bearer)
        return _heads.build(plan, path, body, query=query, extra=extra)

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        return classify_error(status, headers, body)

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> StreamDecoder:
        return PassedThrough(PROVIDER, CLIENT)

    def read_answer(self, endpoint: Endpoint, body: bytes, *, stored: bool = False) -> Answer:
        return read_summary(PROVIDER, body)


def _says_version(plan: RequestPlan) -> bool:
    return any(name.lower() == _VERSION for name, _ in plan.headers)


def _without_version(members: dict[str, Any]) -> None:
    members.pop("anthropic_version", None)


def _with_oauth(headers: Sequence[Header]) -> bytes:
    """The client's betas, and the one under which the API takes such tokens."""
    said = [value for name, value in headers if name.lower() == _BETA]
    return b",".join((*said, _OAUTH_BETA))
