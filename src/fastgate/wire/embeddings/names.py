"""Fields of requests for embeddings by the names that each client's format has for them."""

from collections.abc import Mapping
from typing import Final

from fastgate.domain.embedding import EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.wire.interface import Losses

_NAMES: Final[Mapping[Format, Mapping[str, str]]] = {
    Format.EMBEDDINGS: {"inputs": "input", "task": "input_type", "types": "encoding_format"},
    Format.COHERE_EMBED: {
        "inputs": "inputs",
        "task": "input_type",
        "dimensions": "output_dimension",
        "types": "embedding_types",
    },
    Format.EMBED_CONTENT: {
        "inputs": "content",
        "task": "taskType",
        "dimensions": "outputDimensionality",
    },
}


def name_of(request: EmbeddingRequest, field: str) -> str:
    """What the client calls `field`."""
    return _NAMES.get(request.format, {}).get(field, field)


def drop_fields(request: EmbeddingRequest, losses: Losses, *fields: str) -> None:
    """Those of `fields` that the client has set."""
    for field in fields:
        if getattr(request, field) not in (None, ()):
            losses.drop(name_of(request, field))


def drop_types(request: EmbeddingRequest, losses: Losses, *said: str) -> None:
    """The types of embeddings asked for that are not `said`. Base64 is made here, from floats."""
    for index, type_ in enumerate(request.types):
        if type_ not in said and type_ != "base64":
            losses.drop(f"{name_of(request, 'types')}[{index}]")
