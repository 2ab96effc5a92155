"""`Dialect` for everything that speaks OpenAI's."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec

from fastgate._version import __version__
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.providers.interface import Answer, Header, RequestPlan, StreamDecoder
from fastgate.providers.openai.errors import classify_status, in_band_error
from fastgate.providers.openai.stream import ChunkStream, PlainStream, ResponsesStream
from fastgate.providers.openai.usage import UsageObject
from fastgate.upstream.head import request_head

MAX_TEMPLATES: Final = 256
_FRAMING: Final = frozenset(b"\r\n\0")


class _Answer(msgspec.Struct):
    id: str | None = None
    usage: UsageObject | None = None
    service_tier: str | None = None
    error: Any = None


_answer_decoder: Final = msgspec.json.Decoder(_Answer)


class OpenAIDialect:
    """Stateless."""

    def build_head(self, plan: RequestPlan, body_bytes: int) -> bytes:
        key = (plan.method, plan.path, plan.query, plan.content_type)
        template = plan.heads.get(key)
        if template is None:
            if len(plan.heads) >= MAX_TEMPLATES:
                plan.heads.clear()
            template = plan.heads[key] = _template(plan)
        if not plan.headers:
            return b"%bcontent-length: %d\r\n\r\n" % (template, body_bytes)
        extra = b""
        for name, value in plan.headers:
            if _FRAMING.intersection(value):
                raise ValueError(f"the header {name.decode('latin-1')} has a line break")
            extra += name + b": " + value + b"\r\n"
        return b"%b%bcontent-length: %d\r\n\r\n" % (template, extra, body_bytes)

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        return classify_status(status, headers, body)

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> StreamDecoder:
        if endpoint in {Endpoint.CHAT, Endpoint.COMPLETIONS}:
            return ChunkStream(choices)
        if endpoint is Endpoint.RESPONSES:
            return ResponsesStream()
        return PlainStream()

    def read_answer(self, endpoint: Endpoint, body: bytes) -> Answer:
        try:
            answer = _answer_decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Answer(None, None, None)
        if answer.error is not None and endpoint is not Endpoint.RESPONSES:
            return Answer(None, None, in_band_error(body))
        usage = None if answer.usage is None else answer.usage.normalise(answer.service_tier)
        return Answer(usage, answer.id, None)


def _template(plan: RequestPlan) -> bytes:
    """Everything but the client's headers and the length, up to and including the last line's CRLF."""
    provider = plan.provider
    url = urlsplit(plan.deployment.base_url)
    path = url.path
    if provider.azure_deployments:
        path += "/deployments/" + quote(plan.model, safe="")
    query = "&".join(part for part in (provider.query, plan.query) if part)
    target = path + plan.path + (f"?{query}" if query else "")
    headers: list[Header] = [
        (b"user-agent", b"fastgate/" + __version__.encode()),
        (b"accept", b"*/*"),
    ]
    if plan.content_type:
        headers.append((b"content-type", plan.content_type))
    if plan.secret is not None:
        value = (provider.auth_prefix + plan.secret).encode("latin-1")
        headers.append((provider.auth_header.encode(), value))
    headers += [(name.lower().encode(), value.encode("latin-1")) for name, value in provider.headers]
    head = request_head(
        plan.method, target.encode("ascii"), url.netloc.rpartition("@")[2].encode(), headers, None
    )
    return head[:-2]
