"""Requests for embeddings and rankings and their answers, in no vendor's dialect."""

from typing import Any

import msgspec

from fastgate.domain.conversation import Image, Text
from fastgate.domain.format import Format
from fastgate.domain.usage import Usage


class EmbeddingRequest(msgspec.Struct, kw_only=True):
    """`inputs`: a text, token ids, or the parts of one document each. `task` is one of Cohere's input types
    (search_document, search_query, classification, clustering) or as `format` says it. `base64`: the client
    wants little-endian float32 in base64. `single`: the client sent one input outside a list."""

    format: Format
    inputs: tuple[str | tuple[int, ...] | tuple[Text | Image, ...], ...]
    single: bool = False
    dimensions: int | None = None
    task: str | None = None
    title: str | None = None
    truncate: str | None = None
    base64: bool = False
    types: tuple[str, ...] = ()
    user: str | None = None
    extra: dict[str, msgspec.Raw] = {}
    options: dict[str, dict[str, msgspec.Raw]] = {}


class EmbeddingReply(msgspec.Struct, frozen=True, kw_only=True):
    """`vectors` in the order of the inputs, by type ("float" where the provider has but one)."""

    id: str
    model: str
    vectors: dict[str, tuple[tuple[float, ...], ...]]
    usage: Usage | None = None


class RerankRequest(msgspec.Struct, kw_only=True):
    """`documents` are texts, or objects as `format` has them."""

    format: Format
    query: str
    documents: tuple[str | dict[str, Any], ...]
    top_n: int | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: int | None = None
    extra: dict[str, msgspec.Raw] = {}
    options: dict[str, dict[str, msgspec.Raw]] = {}


class Ranked(msgspec.Struct, frozen=True):
    """`index` is the document's place in the request."""

    index: int
    score: float


class RerankReply(msgspec.Struct, frozen=True, kw_only=True):
    """Best first."""

    id: str
    model: str
    results: tuple[Ranked, ...]
    usage: Usage | None = None
