"""What embeddings are for: Cohere's words, which `domain.embedding` has, and Google's."""

from typing import Final

from fastgate.domain.embedding import EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.wire.embeddings.names import name_of
from fastgate.wire.interface import Losses

_WRITTEN: Final = {
    "search_document": "RETRIEVAL_DOCUMENT",
    "search_query": "RETRIEVAL_QUERY",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
_READ: Final = {written: said for said, written in _WRITTEN.items()}
_GOOGLES: Final = frozenset(
    {"SEMANTIC_SIMILARITY", "QUESTION_ANSWERING", "FACT_VERIFICATION", "CODE_RETRIEVAL_QUERY"}
)


def read_task(task_type: str | None) -> str | None:
    """As `EmbeddingRequest.task` has it."""
    if task_type in {None, "", "TASK_TYPE_UNSPECIFIED"}:
        return None
    assert task_type is not None
    return _READ.get(task_type, task_type)


def written_task(request: EmbeddingRequest, losses: Losses) -> str | None:
    """As Google has it; one that it has not is lost, unless its own client said it."""
    task = request.task
    if task is None:
        return None
    if task in _WRITTEN:
        return _WRITTEN[task]
    if request.format is Format.EMBED_CONTENT or task.upper() in _GOOGLES:
        return task.upper()
    losses.drop(name_of(request, "task"))
    return None
