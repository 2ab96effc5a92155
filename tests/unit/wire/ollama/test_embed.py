"""Ollama's embeddings: what is particular to them; the rest is in the matrix of all formats."""

from typing import Any

import pytest
from tests.support.wire_targets import target

from fastgate.domain.embedding import EmbeddingRequest
from fastgate.domain.format import Format
from fastgate.wire.interface import Losses
from fastgate.wire.ollama import EMBED_PROVIDER


@pytest.mark.parametrize(
    ("cut", "said", "losses"),
    [("NONE", {"truncate": False}, []), ("END", {"truncate": True}, []), ("START", {}, ["truncate"])],
)
def test_truncation(cut: str, said: dict[str, Any], losses: list[str]) -> None:
    lost = Losses()
    request = EmbeddingRequest(format=Format.COHERE_EMBED, inputs=("a",), truncate=cut)
    assert EMBED_PROVIDER.write_request(request, target(), lost) == {"model": "m-1", "input": ["a"], **said}
    assert lost.names == losses


def test_an_error_inside_a_200() -> None:
    summary = EMBED_PROVIDER.summary(b'{"error":"no such model"}')
    assert (summary.failed, summary.message) == (500, "no such model")
