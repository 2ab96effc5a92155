"""Paths with a model's name in them: Azure's, Gemini's and Vertex AI's, Bedrock's."""

import re
from typing import Final, NamedTuple

from fastgate.api import operations
from fastgate.domain.format import Format
from fastgate.pipeline.operation import Operation

MODEL_LISTS: Final = {
    **{
        f"{prefix}/{version}": operations.GEMINI_MODELS
        for prefix in ("", "/genai")
        for version in operations.GEMINI_VERSIONS
    },
    **dict.fromkeys(operations.PREFIXES, operations.MODELS),
}
"""Below which prefixes clients ask for `/models`: all ask at `/v1`, where OpenAI's words are spoken."""

_AZURE: Final = "/openai/deployments/"
# The longest first: `/chat/completions` ends with another endpoint's path.
_BY_LENGTH: Final = sorted(operations.OPERATIONS, key=len, reverse=True)
_GOOGLE: Final = re.compile(
    r"(?:/genai)?(?:/(?:v1|v1beta|v1alpha|v1beta1))?"
    r"/(?:projects/[^/]+/locations/[^/]+/)?(?:publishers/[^/]+/)?(?:models/|(?=tunedModels/))(.+):(\w+)"
)
_CLAUDE_COUNTER: Final = ("count-tokens", "rawPredict")
"""Where Vertex AI counts tokens for Claude: a model of its own, which is told the real one's name."""
_BEDROCK: Final = re.compile(r"/model/(.+)/([a-z-]+)")
_OF_PREFIX: Final = (
    ("/v1/messages", Format.MESSAGES),
    ("/anthropic/", Format.MESSAGES),
    ("/model/", Format.CONVERSE),
    ("/genai/", Format.GENERATE_CONTENT),
    ("/v1beta", Format.GENERATE_CONTENT),
    ("/v1alpha", Format.GENERATE_CONTENT),
    ("/v2/embed", Format.COHERE_EMBED),
    ("/v2/rerank", Format.COHERE_EMBED),
)


class NamedCall(NamedTuple):
    """`model`: None where the body names it."""

    model: str | None
    operation: Operation


def find(path: str, method: str) -> NamedCall | None:
    """None for what is no such path. A model's name may have slashes and colons itself."""
    if path.startswith(_AZURE):
        return _azure(path[len(_AZURE) :])
    if path.startswith("/model/"):
        found, known = _BEDROCK.fullmatch(path), operations.BEDROCK
    elif method == "POST" and ":" in path:
        found, known = _GOOGLE.fullmatch(path), operations.GOOGLE
    else:
        return None
    if found is None or found[2] not in known:
        return None
    if (found[1], found[2]) == _CLAUDE_COUNTER:
        return NamedCall(None, operations.COUNT_TOKENS)
    return NamedCall(found[1], known[found[2]])


def format_of(path: str) -> Format:
    """What the client of an unknown path understands, as far as its beginning tells."""
    for prefix, format_ in _OF_PREFIX:
        if path.startswith(prefix):
            return format_
    return Format.GENERATE_CONTENT if _GOOGLE.fullmatch(path) else Format.CHAT


def _azure(rest: str) -> NamedCall | None:
    for path in _BY_LENGTH:
        if rest.endswith(path):
            model = rest.removesuffix(path)
            return NamedCall(model, operations.OPERATIONS[path]) if model else None
    return None
