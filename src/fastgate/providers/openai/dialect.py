"""`Dialect` for everything that speaks OpenAI's."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlsplit

from fastgate._version import __version__
from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.providers.interface import Answer, Header, RequestPlan, StreamDecoder
from fastgate.providers.openai.answer import read_answer
from fastgate.providers.openai.errors import classify_status
from fastgate.providers.openai.responses_stream import ResponsesStream
from fastgate.providers.openai.stream import ChunkStream, PlainStream
from fastgate.upstream.head import HOP_BY_HOP, VISIBLE_ASCII, request_head

_FRAMING: Final = frozenset(b"\r\n\0")
_OWN_HEADERS: Final = HOP_BY_HOP | {b"content-type", b"content-length", b"expect"}


class OpenAIDialect:
    """Stateless."""

    def build_head(self, plan: RequestPlan, body_bytes: int) -> bytes:
        names_deployment = plan.provider.azure_deployments and plan.endpoint is not Endpoint.RESPONSES
        key = (plan.method, names_deployment)
        start = plan.heads.get(key)
        if start is None:
            start = plan.heads[key] = _start(plan, names_deployment=names_deployment)
        fixed = plan.heads.get(())
        if fixed is None:
            fixed = plan.heads[()] = _fixed_headers(plan)
        head = b"%b%b HTTP/1.1\r\n%b" % (start, _target_end(plan), fixed)
        if plan.content_type:
            head += _line(b"content-type", plan.content_type)
        for name, value in plan.headers:
            if _is_free(name, plan.provider.auth_header, fixed):
                head += _line(name, value)
        return b"%bcontent-length: %d\r\n\r\n" % (head, body_bytes)

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


def _start(plan: RequestPlan, *, names_deployment: bool) -> bytes:
    """The method and the part of the target that the configuration gives."""
    path = urlsplit(plan.deployment.base_url).path
    if names_deployment:
        path += "/deployments/" + quote(plan.model, safe="")
    return b"%b %b" % (plan.method, path.encode("ascii"))


def _target_end(plan: RequestPlan) -> bytes:
    """The part of the target that the request gives."""
    query = "&".join(part for part in (plan.provider.query, plan.query) if part)
    end = (f"{plan.path}?{query}" if query else plan.path).encode("ascii")
    if not end.startswith(b"/") or end.translate(None, VISIBLE_ASCII):
        raise ValueError("an invalid request target")
    return end


def _fixed_headers(plan: RequestPlan) -> bytes:
    """Lines for all headers that the configuration gives."""
    provider = plan.provider
    url = urlsplit(plan.deployment.base_url)
    headers: list[Header] = [
        (b"user-agent", b"fastgate/" + __version__.encode()),
        (b"accept", b"*/*"),
    ]
    if plan.secret is not None:
        headers.append((provider.auth_header.encode(), _latin1(provider.auth_prefix + plan.secret)))
    headers += [(name.lower().encode(), _latin1(value)) for name, value in provider.headers]
    origin = url.netloc.rpartition("@")[2].encode()
    head = request_head(plan.method, url.path.encode("ascii") or b"/", origin, headers, None)
    return head[head.index(b"\n") + 1 : -2]


def _latin1(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:  # its message quotes a character of what may be a secret
        raise ValueError("a configured header or credential has characters beyond Latin-1") from None


def _is_free(name: bytes, auth_header: str, fixed: bytes) -> bool:
    """Whether a client's header may go upstream: no header is sent twice, and ours wins."""
    name = name.lower()
    taken = name in _OWN_HEADERS or name == auth_header.encode()
    return not taken and b"\r\n%b: " % name not in fixed and not fixed.startswith(b"%b: " % name)


def _line(name: bytes, value: bytes) -> bytes:
    if not _FRAMING.isdisjoint(value):
        raise ValueError(f"the header {name.decode('latin-1')} has a line break")
    return b"%b: %b\r\n" % (name, value)
