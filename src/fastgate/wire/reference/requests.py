"""What becomes of each feature of a request on its way to a provider of another format."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from fastgate.domain.conversation import Conversation, merged
from fastgate.domain.dialect import DialectName
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.formats import CLIENTS, PROVIDERS
from fastgate.wire.interface import Losses, Request, Target
from fastgate.wire.places import client_names
from fastgate.wire.reference import (
    chat,
    completions,
    converse,
    embeddings,
    gemini,
    messages,
    responses,
)
from fastgate.wire.reference.samples import JSON, REQUESTS, TWO_TEXTS, Said
from fastgate.wire.reference.verdict import Verdict, comparable, covers
from fastgate.wire.unread import left_out


class Side(NamedTuple):
    """How the requests of a format say each feature."""

    plain: JSON
    said: Said


SIDES: Final[Mapping[Format, Side]] = {
    Format.CHAT: Side(chat.PLAIN_REQUEST, chat.SAID),
    Format.RESPONSES: Side(responses.PLAIN_REQUEST, responses.SAID),
    Format.COMPLETIONS: Side(completions.PLAIN_REQUEST, completions.SAID),
    Format.MESSAGES: Side(messages.PLAIN_REQUEST, messages.SAID),
    Format.GENERATE_CONTENT: Side(gemini.PLAIN_REQUEST, gemini.SAID),
    Format.CONVERSE: Side(converse.PLAIN_REQUEST, converse.SAID),
    Format.EMBEDDINGS: Side(embeddings.OPENAI_PLAIN, embeddings.OPENAI_SAID),
    Format.EMBED_CONTENT: Side(embeddings.GEMINI_PLAIN, embeddings.GEMINI_SAID),
    Format.COHERE_EMBED: Side(embeddings.COHERE_PLAIN, embeddings.COHERE_SAID),
    Format.RERANK: Side(embeddings.RANKING_PLAIN, embeddings.RANKING_SAID),
    Format.COHERE_RERANK: Side(embeddings.RANKING_PLAIN, embeddings.RANKING_SAID),
}
TARGETS: Final[Mapping[Format, tuple[DialectName, str]]] = {
    Format.CHAT: (DialectName.OPENAI, "gpt-5.6"),
    Format.MESSAGES: (DialectName.ANTHROPIC, "claude-sonnet-4-6"),
    Format.GENERATE_CONTENT: (DialectName.GEMINI, "gemini-3-pro"),
    Format.CONVERSE: (DialectName.BEDROCK, "anthropic.claude-sonnet-4-6"),
    Format.COHERE_CHAT: (DialectName.COHERE, "command-a-03-2025"),
    Format.OLLAMA_CHAT: (DialectName.OLLAMA, "llama3.2"),
    Format.EMBEDDINGS: (DialectName.OPENAI, "text-embedding-3-small"),
    Format.EMBED_CONTENT: (DialectName.GEMINI, "gemini-embedding-001"),
    Format.VERTEX_PREDICT: (DialectName.VERTEX, "text-embedding-005"),
    Format.COHERE_EMBED: (DialectName.COHERE, "embed-v4.0"),
    Format.OLLAMA_EMBED: (DialectName.OLLAMA, "nomic-embed-text"),
    Format.TITAN_EMBED: (DialectName.BEDROCK, "amazon.titan-embed-text-v2:0"),
    Format.BEDROCK_COHERE_EMBED: (DialectName.BEDROCK, "cohere.embed-v4:0"),
    Format.RERANK: (DialectName.OPENAI, "a-reranker"),
    Format.COHERE_RERANK: (DialectName.COHERE, "rerank-v3.5"),
}
"""Upstream formats, and the model whose abilities are shown."""

_TITLE: Final = "title of a document"
_BESIDE: Final = {
    **{name: "tools" for name in REQUESTS if name.startswith(("tool choice", "strict tools"))},
    "one call at a time": "tool choice: auto",
    "cache marker": TWO_TEXTS,
    "cache marker, 1 hour": TWO_TEXTS,
    "citations of a document": "text document",
}
"""What has to be there for a feature to be said of, and is no news then."""
_ANYWAY: Final[Mapping[str, frozenset[Format]]] = {
    "tool choice: auto": frozenset({Format.CONVERSE, Format.COHERE_CHAT, Format.OLLAMA_CHAT}),
    "service tier": frozenset({Format.CONVERSE}),  # the standard one
    "citations of a document": frozenset({Format.COHERE_CHAT}),
}
"""What these do anyway, without being told."""
_HERE: Final = frozenset({"base64", "documents that are objects", "documents in the answer"})
"""What the gateway itself does, from what every provider takes and answers."""


def verdict(client: Format, upstream: Format, feature: str) -> Verdict:
    """GatewayError where the client's own reader does not understand the plain request."""
    side = SIDES[client]
    said = side.said.get(feature)
    if said is None:
        return Verdict.UNSAYABLE
    if client is upstream:
        return Verdict.YES  # its bytes pass through
    beside = _BESIDE.get(feature)
    plain = read(client, side.plain if beside is None else {**side.plain, **side.said[beside]})
    plain_body, plain_losses = written(plain, upstream)
    try:
        request = read(client, {**side.plain, **said})
        body, losses = written(request, upstream)
    except GatewayError:
        return Verdict.REFUSED
    changed = body != plain_body
    # Where a document has to have a name, that is no matter of the document itself.
    news = {name for name in losses - plain_losses if feature == _TITLE or not name.endswith(".title")}
    # What a client cannot but say is lost of its plain request too.
    if news or (losses and not changed):
        return Verdict.PARTLY if changed and not _same(plain, body, upstream) else Verdict.DROPPED
    if not changed and feature in _HERE:
        return Verdict.EMULATED
    if not changed:
        return Verdict.YES if upstream in _ANYWAY.get(feature, ()) else Verdict.SILENT
    if upstream not in CLIENTS or _arrived(request, plain, body, upstream, titles=feature == _TITLE):
        return Verdict.YES
    return Verdict.EMULATED


def _same(plain: Request, body: JSON, upstream: Format) -> bool:
    """Whether the body says no more than the plain request."""
    if upstream not in CLIENTS:
        return False
    return covers(_neutral(plain), _neutral(read(upstream, body)))


def _arrived(request: Request, plain: Request, body: JSON, upstream: Format, *, titles: bool) -> bool:
    """Whether all that the feature adds is read again from the body."""
    wanted, without = _neutral(request, titles=titles), _neutral(plain, titles=titles)
    back = _neutral(read(upstream, body), titles=titles)
    # `false` says something at the top, which is what the pairs keep.
    return all(
        covers([back.get(name)], [value]) for name, value in wanted.items() if value != without.get(name)
    )


def read(client: Format, members: JSON) -> Request:
    said = {name: value for name, value in members.items() if value is not None}
    return CLIENTS[client].read_request(msgspec.json.encode(said), "m")


def written(request: Request, upstream: Format) -> tuple[JSON, set[str]]:
    dialect, model = TARGETS[upstream]
    losses = Losses(client_names(request))
    target = Target(
        provider=dialect,
        model=model,
        stream=False,
        default_max_tokens=4096,
        cap=None,
        output_cap="max_completion_tokens",
        dialect=dialect,
    )
    body = PROVIDERS[upstream].write_request(request, target, losses)
    for path in left_out(body, request.extra):
        losses.leave_out(path)
    return msgspec.json.decode(msgspec.json.encode(body)), set(losses.names)


def _neutral(request: Request, *, titles: bool = False) -> JSON:
    """What of a request can be compared across formats."""
    if not isinstance(request, Conversation):
        return _members(request, type(request))
    messages = tuple(merged(request.messages))
    members = _members(msgspec.structs.replace(request, messages=messages), Conversation)
    if not titles:
        for message in members["messages"]:
            for part in message["parts"]:
                part.pop("title", None)
    return members


def _members(request: Request, fields_of: type[Request]) -> JSON:
    """Those that are written in no format of their own."""
    members: JSON = comparable(msgspec.json.decode(msgspec.json.encode(request)))
    common = set(fields_of.__struct_fields__) - {"format", "extra", "options", "places"}
    return {name: value for name, value in members.items() if name in common}
