"""The fields of a request for a ranking, which the formats of this family have in common."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from fastgate.domain.embedding import RerankRequest
from fastgate.domain.format import Format
from fastgate.wire.reading import read_fields


class _Request(msgspec.Struct):
    query: str
    documents: Annotated[list[str | dict[str, Any]], Meta(min_length=1)]
    model: str | None = None
    top_n: Annotated[int, Meta(ge=1)] | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: Annotated[int, Meta(ge=1)] | None = None
    provider_options: dict[str, dict[str, msgspec.Raw]] | None = None


class _Texts(msgspec.Struct):
    query: str = ""
    documents: list[str | dict[str, Any]] = []


_requests: Final = msgspec.json.Decoder(_Request)
_texts: Final = msgspec.json.Decoder(_Texts)


def read_rerank(body: bytes, format_: Format) -> RerankRequest:
    """As `ClientFormat.read_request`."""
    fields, extra = read_fields(body, _requests)
    return RerankRequest(
        format=format_,
        query=fields.query,
        documents=tuple(fields.documents),
        top_n=fields.top_n,
        return_documents=fields.return_documents,
        max_tokens_per_doc=fields.max_tokens_per_doc,
        extra=extra,
        options=fields.provider_options or {},
    )


def rerank_text(body: bytes) -> str:
    """As `ClientFormat.text`: an answer has none that was not in the request."""
    try:
        given = _texts.decode(body)
    except msgspec.MsgspecError:
        return ""
    documents = [each if isinstance(each, str) else each.get("text") for each in given.documents]
    return "\n".join([given.query, *(each for each in documents if isinstance(each, str))])
