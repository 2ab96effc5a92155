"""`Dialect` for Bedrock's runtime."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from fastgate import clock
from fastgate.domain.credential import AwsKeys
from fastgate.domain.endpoint import FORMATS, Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.format import CONVERSATIONS, EMBEDDINGS, Format
from fastgate.domain.snapshot import Deployment, Provider
from fastgate.providers.bedrock.betas import betas_for, unsaid_betas
from fastgate.providers.bedrock.errors import classify_error
from fastgate.providers.bedrock.guardrail import guardrail_of
from fastgate.providers.bedrock.sigv4 import signed_headers
from fastgate.providers.common.head import HeadBuilder, host, segment, target
from fastgate.providers.interface import Answer, Header, RequestPlan, StreamDecoder
from fastgate.providers.passthrough import PassedThrough, read_summary
from fastgate.wire import converse, invoke
from fastgate.wire.messages.hosted import Host, hosted
from fastgate.wire.pieces import Body

_SERVICE: Final = "bedrock"
_STREAMED: Final = {"converse": "converse-stream", "invoke": "invoke-with-response-stream"}
_REGION: Final = re.compile(r"//[^/]*?\b([a-z]{2}(?:-[a-z]+)+-\d)\b")

_CLAUDE: Final = "anthropic."
_EMBEDDERS: Final = (
    ("amazon.titan-embed", Format.TITAN_EMBED),
    ("cohere.embed", Format.BEDROCK_COHERE_EMBED),
)

_heads: Final = HeadBuilder(b"x-amzn-")


class BedrockDialect:
    """Stateless."""

    def format_for(self, wanted: Format, provider: Provider, model: str) -> Format | None:
        """What any model takes is Converse. Claude's own format loses less for clients that speak it, and a
        body for InvokeModel goes to the model that it was written for."""
        if wanted in EMBEDDINGS:
            return next((format_ for part, format_ in _EMBEDDERS if part in model), None)
        if wanted not in CONVERSATIONS:
            return None
        if wanted is Format.INVOKE or (wanted is Format.MESSAGES and _CLAUDE in model):
            return Format.INVOKE
        return Format.CONVERSE

    def adapt(self, plan: RequestPlan) -> Callable[[dict[str, Any]], None] | None:
        """A configured guardrail is put over the client's."""
        if plan.format is Format.INVOKE and plan.translated:
            betas = betas_for(plan.headers)
            return lambda members: hosted(members, Host.BEDROCK, betas=betas)
        if plan.format is Format.CONVERSE and (guardrail := guardrail_of(plan.provider)) is not None:
            return lambda members: members.update(guardrailConfig=guardrail)
        return None

    def unsaid(self, plan: RequestPlan, body: bytes) -> Sequence[str]:
        """Converse has no place for any of them, and a client of InvokeModel has it in its body."""
        return unsaid_betas(plan.headers, known=plan.format is Format.INVOKE and plan.translated)

    def build_head(self, plan: RequestPlan, body: Body) -> bytes:
        prefix = f"/model/{segment(plan.model)}"  # an id, a profile or an ARN
        path = f"/{_operation(plan)}"
        plan = plan._replace(content_type=plan.content_type or b"application/json")
        extra: Sequence[Header] = ()
        if isinstance(plan.secret, AwsKeys):
            extra = signed_headers(
                plan.secret,
                region=_region(plan.deployment),
                service=_SERVICE,
                method=plan.method,
                target=target(plan, path, prefix=prefix),
                headers=[(b"host", host(plan)), (b"content-type", plan.content_type)],
                body=body,
                now_s=clock.time_ns() // 1_000_000_000,
            )
        return _heads.build(plan, path, body, prefix=prefix, extra=extra)

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        return classify_error(status, headers, body)

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> StreamDecoder:
        spoken = invoke if FORMATS.get(endpoint) is Format.INVOKE else converse
        return PassedThrough(spoken.PROVIDER, spoken.CLIENT)

    def read_answer(self, endpoint: Endpoint, body: bytes, *, stored: bool = False) -> Answer:
        spoken = invoke if FORMATS.get(endpoint) is Format.INVOKE else converse
        return read_summary(spoken.PROVIDER, body)


def _operation(plan: RequestPlan) -> str:
    if plan.format is None:
        raise ValueError("Bedrock has no such operation")
    name = "converse" if plan.format is Format.CONVERSE else "invoke"
    return _STREAMED[name] if plan.stream else name


def _region(deployment: Deployment) -> str:
    """What a request is signed for: the deployment's own, or the one in its URL."""
    if deployment.region is not None:
        return deployment.region
    found = _REGION.search(deployment.base_url)
    if found is None:
        raise ValueError("no region to sign for: neither the deployment nor its URL says one")
    return found[1]
