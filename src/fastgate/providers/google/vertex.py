"""`Dialect` for Vertex AI, which has each publisher's models behind that publisher's own API."""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Final

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.format import CONVERSATIONS, EMBEDDINGS, Format
from fastgate.domain.snapshot import Provider
from fastgate.providers.common.betas import unsaid_betas
from fastgate.providers.common.head import HeadBuilder, segment
from fastgate.providers.google.errors import classify_error
from fastgate.providers.google.verbs import ALT_SSE, content_verb
from fastgate.providers.google.vertex_body import (
    adapt_contents,
    adapt_count,
    adapt_embedding,
    unknown_members,
)
from fastgate.providers.interface import Answer, Header, RequestPlan, StreamDecoder
from fastgate.providers.openai import OpenAIDialect
from fastgate.providers.passthrough import PassedThrough, read_summary
from fastgate.wire import gemini, messages
from fastgate.wire.messages.hosted import Host, hosted
from fastgate.wire.pieces import Body

Adapt = Callable[[dict[str, Any]], None]

_OPENAI_PATH: Final = "/endpoints/openapi/chat/completions"
_COUNTER: Final = "count-tokens"
"""Claude's token counting is a model of its own, which is told the real one's name in the body."""

_OWN_ENDPOINTS: Final = "endpoints/"
_SINGLE_EMBEDDERS: Final = ("gemini-embedding-001", "gemini-embedding-exp")
"""Those of Gemini's that still are behind `:predict`."""

_heads: Final = HeadBuilder(b"x-goog-")
_claude_heads: Final = HeadBuilder(b"x-goog-", b"anthropic-")
_openai: Final = OpenAIDialect()


class Publisher(Enum):
    GOOGLE = "google"
    ANTHROPIC = "anthropic"
    OTHER = ""


class VertexDialect:
    """Stateless. A model is `gemini-…`, `claude-…`, `publisher/model` of another publisher, or a tuned one's
    `endpoints/NUMBER`."""

    def format_for(self, wanted: Format, provider: Provider, model: str) -> Format | None:
        publisher, name = _published(model)
        if wanted in CONVERSATIONS:
            return _CONVERSATION[publisher]
        if wanted not in EMBEDDINGS or publisher is not Publisher.GOOGLE:
            return None
        newer = "gemini" in name and not name.startswith(_SINGLE_EMBEDDERS)
        return Format.EMBED_CONTENT if newer else Format.VERTEX_PREDICT

    def adapt(self, plan: RequestPlan) -> Adapt | None:
        if plan.format is Format.MESSAGES:
            return _claude_body(plan)
        if plan.translated:
            return None
        if plan.endpoint is Endpoint.CONTENT_TOKENS:
            return adapt_count
        if plan.format is Format.GENERATE_CONTENT:
            return adapt_contents
        return adapt_embedding if plan.format is Format.EMBED_CONTENT else None

    def unsaid(self, plan: RequestPlan, body: bytes) -> Sequence[str]:
        if plan.format is Format.MESSAGES:
            return ()
        unsaid = unsaid_betas(plan.headers)
        if plan.format is Format.GENERATE_CONTENT and body:
            unsaid += unknown_members(body)
        return unsaid

    def build_head(self, plan: RequestPlan, body: Body) -> bytes:
        if plan.format is Format.MESSAGES:
            counts = plan.endpoint is Endpoint.COUNT_TOKENS
            prefix = _path(_COUNTER if counts else plan.model, Publisher.ANTHROPIC)
            verb = "streamRawPredict" if plan.stream else "rawPredict"
            return _claude_heads.build(plan, ":" + verb, body, prefix=prefix)
        if plan.format is Format.CHAT:
            return _heads.build(plan, _OPENAI_PATH, body)
        prefix = _path(plan.model, Publisher.GOOGLE)
        if plan.format is Format.VERTEX_PREDICT:
            return _heads.build(plan, ":predict", body, prefix=prefix)
        if plan.format is Format.EMBED_CONTENT:
            return _heads.build(plan, ":embedContent", body, prefix=prefix)
        query = ALT_SSE if plan.stream else ""
        return _heads.build(plan, ":" + content_verb(plan), body, prefix=prefix, query=query)

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        return classify_error(status, headers, body)

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> StreamDecoder:
        if endpoint is Endpoint.MESSAGES:
            return PassedThrough(messages.PROVIDER, messages.CLIENT)
        if endpoint is Endpoint.CHAT:
            return _openai.stream_decoder(endpoint, choices)
        return PassedThrough(gemini.PROVIDER, gemini.CLIENT)

    def read_answer(self, endpoint: Endpoint, body: bytes, *, stored: bool = False) -> Answer:
        if endpoint is Endpoint.CHAT:
            return _openai.read_answer(endpoint, body, stored=stored)
        if endpoint in {Endpoint.MESSAGES, Endpoint.COUNT_TOKENS}:
            return read_summary(messages.PROVIDER, body)
        embeds = endpoint is Endpoint.EMBED_CONTENT
        return read_summary(gemini.EMBED_PROVIDER if embeds else gemini.PROVIDER, body)


_CONVERSATION: Final = {
    Publisher.GOOGLE: Format.GENERATE_CONTENT,
    Publisher.ANTHROPIC: Format.MESSAGES,
    Publisher.OTHER: Format.CHAT,
}


def _published(model: str) -> tuple[Publisher, str]:
    """The publisher of a model, and its name there."""
    if model.startswith(_OWN_ENDPOINTS):
        return Publisher.GOOGLE, model
    publisher, slash, name = model.rpartition("/")
    if not slash:
        return (Publisher.ANTHROPIC if model.startswith("claude") else Publisher.GOOGLE), model
    if publisher in {"google", "anthropic"}:
        return Publisher(publisher), name
    return Publisher.OTHER, model


def _path(model: str, publisher: Publisher) -> str:
    name = _published(model)[1]
    if name.startswith(_OWN_ENDPOINTS):
        return f"/{_OWN_ENDPOINTS}{segment(name.removeprefix(_OWN_ENDPOINTS))}"
    return f"/publishers/{publisher.value}/models/{segment(name, '@')}"


def _claude_body(plan: RequestPlan) -> Adapt:
    """A client of Anthropic's own API says the version in a header."""
    said = dict(plan.headers).get(b"anthropic-version")
    version = None if said is None or plan.translated else said.decode("latin-1")

    def adapt(members: dict[str, Any]) -> None:
        hosted(members, Host.VERTEX, version)
        if plan.endpoint is Endpoint.COUNT_TOKENS:
            members["model"] = _published(plan.model)[1]

    return adapt
