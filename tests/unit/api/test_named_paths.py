"""Which model and which operation a path with a name in it is for."""

import pytest

from fastgate.api import named_paths, operations
from fastgate.domain.endpoint import Endpoint

_VERTEX = "/v1/projects/p/locations/l/publishers"


@pytest.mark.parametrize(
    ("path", "model", "endpoint"),
    [
        ("/openai/deployments/gpt-4o/chat/completions", "gpt-4o", Endpoint.CHAT),
        ("/v1beta/models/gemini-x:generateContent", "gemini-x", Endpoint.GENERATE_CONTENT),
        ("/genai/v1/models/team/model:1:countTokens", "team/model:1", Endpoint.CONTENT_TOKENS),
        ("/v1beta/tunedModels/mine:generateContent", "tunedModels/mine", Endpoint.GENERATE_CONTENT),
        (f"{_VERTEX}/google/models/gemini-x:embedContent", "gemini-x", Endpoint.EMBED_CONTENT),
        (f"{_VERTEX}/anthropic/models/claude-x@1:rawPredict", "claude-x@1", Endpoint.MESSAGES),
        (f"{_VERTEX}/anthropic/models/count-tokens:rawPredict", None, Endpoint.COUNT_TOKENS),
        ("/model/eu.amazon.nova-x:0/converse", "eu.amazon.nova-x:0", Endpoint.CONVERSE),
        ("/model/arn:aws:bedrock:us-east-1::x/m/invoke", "arn:aws:bedrock:us-east-1::x/m", Endpoint.INVOKE),
    ],
)
def test_found(path: str, model: str | None, endpoint: Endpoint) -> None:
    named = named_paths.find(path, "POST")
    assert named is not None
    assert (named.model, named.operation.endpoint) == (model, endpoint)


@pytest.mark.parametrize(
    "path",
    [
        "/openai/deployments//chat/completions",
        "/v1beta/models/gemini-x:tuneModel",
        "/v1beta/models/gemini-x",
        "/model/m/converse-twice",
        "/model/converse",
    ],
)
def test_not_found(path: str) -> None:
    assert named_paths.find(path, "POST") is None


def test_streams_are_told_by_the_path() -> None:
    for path, streams in (("/model/m/converse-stream", True), ("/model/m/converse", False)):
        named = named_paths.find(path, "POST")
        assert named is not None
        assert named.operation.streams is streams
    assert operations.MESSAGES.streams is None
