"""`Dialect` for the Gemini API, and for other servers that speak it."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import UpstreamError
from fastgate.domain.format import CONVERSATIONS, EMBEDDINGS, Format
from fastgate.domain.snapshot import Provider
from fastgate.providers.common.betas import unsaid_betas
from fastgate.providers.common.head import HeadBuilder, segment
from fastgate.providers.google.errors import classify_error
from fastgate.providers.google.verbs import ALT_SSE, content_verb, embed_verb
from fastgate.providers.interface import Answer, Header, RequestPlan, StreamDecoder
from fastgate.providers.passthrough import PassedThrough, read_summary
from fastgate.wire.gemini import CLIENT, EMBED_PROVIDER, PROVIDER
from fastgate.wire.pieces import Body

_KINDS: Final = ("models/", "tunedModels/")

_heads: Final = HeadBuilder(b"x-goog-")
_objects: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_lists: Final = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])


class GeminiDialect:
    """Stateless. A model is `gemini-…`, or with its collection (`tunedModels/…`)."""

    def format_for(self, wanted: Format, provider: Provider, model: str) -> Format | None:
        if wanted in CONVERSATIONS:
            return Format.GENERATE_CONTENT
        return Format.EMBED_CONTENT if wanted in EMBEDDINGS else None

    def adapt(self, plan: RequestPlan) -> Callable[[dict[str, Any]], None] | None:
        """Bodies that name the model, which a route may have replaced."""
        if plan.translated:
            return None
        if plan.endpoint is Endpoint.CONTENT_TOKENS:
            return lambda members: _name_model(members, "generateContentRequest", plan.model)
        if plan.format is Format.EMBED_CONTENT:
            return lambda members: _name_models(members, plan.model)
        return None

    def unsaid(self, plan: RequestPlan, body: bytes) -> Sequence[str]:
        return unsaid_betas(plan.headers)

    def build_head(self, plan: RequestPlan, body: Body) -> bytes:
        verb = embed_verb(body) if plan.format is Format.EMBED_CONTENT else content_verb(plan)
        collection, _, name = _resource(plan.model).partition("/")
        prefix = f"/{collection}/{segment(name, '@')}"
        # Nothing of the client's query: it may have its key, or a mask that hides the usage.
        return _heads.build(plan, ":" + verb, body, prefix=prefix, query=ALT_SSE if plan.stream else "")

    def classify_error(self, status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
        return classify_error(status, headers, body)

    def stream_decoder(self, endpoint: Endpoint, choices: int) -> StreamDecoder:
        return PassedThrough(PROVIDER, CLIENT)

    def read_answer(self, endpoint: Endpoint, body: bytes, *, stored: bool = False) -> Answer:
        return read_summary(EMBED_PROVIDER if endpoint is Endpoint.EMBED_CONTENT else PROVIDER, body)


def _resource(model: str) -> str:
    return model if model.startswith(_KINDS) else "models/" + model


def _name_model(members: dict[str, Any], member: str, model: str) -> None:
    if member in members:
        members[member] = {**_objects.decode(members[member]), "model": _resource(model)}


def _name_models(members: dict[str, Any], model: str) -> None:
    if "requests" in members:
        members["requests"] = [
            {**each, "model": _resource(model)} for each in _lists.decode(members["requests"])
        ]
    members.pop("model", None)
