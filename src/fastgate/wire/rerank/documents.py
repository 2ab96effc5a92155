"""Documents to rank: texts, or objects with a `text`."""

from typing import Any

from fastgate.domain.embedding import RerankRequest
from fastgate.errors import GatewayError
from fastgate.wire.interface import Losses

Document = dict[str, Any]


def texts_of(request: RerankRequest) -> list[str]:
    """All as texts: `text` is what is ranked, also where a document has other fields. GatewayError
    `invalid_field` for a document without one."""
    return [_text(document, index) for index, document in enumerate(request.documents)]


def drop_beside_text(request: RerankRequest, losses: Losses) -> None:
    """Where only the texts are ranked."""
    for index, document in enumerate(request.documents):
        for name in document if isinstance(document, dict) else ():
            if name != "text":
                losses.drop(f"documents[{index}].{name}")


def document_of(request: RerankRequest, index: int) -> Document:
    """A document of the request, for an answer that repeats it; empty for an index that there is none of."""
    if not 0 <= index < len(request.documents):
        return {}
    document = request.documents[index]
    return {"text": document} if isinstance(document, str) else document


def _text(document: str | Document, index: int) -> str:
    if isinstance(document, str):
        return document
    text = document.get("text")
    if not isinstance(text, str):
        raise GatewayError(
            "invalid_field",
            "This model's provider ranks texts: a document is one, or has a field `text`.",
            param=f"documents[{index}]",
        )
    return text
