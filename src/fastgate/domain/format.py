"""Wire formats: how a request and its answer are written, by a client or to a provider."""

from enum import StrEnum
from typing import Final


class Format(StrEnum):
    """Several endpoints may share one; what is written in one family can be translated within it."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    MESSAGES = "messages"
    GENERATE_CONTENT = "generate_content"
    CONVERSE = "converse"
    INVOKE = "invoke"
    """Messages behind Bedrock's InvokeModel: version in the body, model and stream in the path."""
    COHERE_CHAT = "cohere_chat"
    OLLAMA_CHAT = "ollama_chat"

    EMBEDDINGS = "embeddings"
    EMBED_CONTENT = "embed_content"
    VERTEX_PREDICT = "vertex_predict"
    COHERE_EMBED = "cohere_embed"
    OLLAMA_EMBED = "ollama_embed"
    TITAN_EMBED = "titan_embed"
    BEDROCK_COHERE_EMBED = "bedrock_cohere_embed"

    RERANK = "rerank"
    COHERE_RERANK = "cohere_rerank"


CONVERSATIONS: Final = frozenset(
    {
        Format.CHAT,
        Format.COMPLETIONS,
        Format.RESPONSES,
        Format.MESSAGES,
        Format.GENERATE_CONTENT,
        Format.CONVERSE,
        Format.INVOKE,
        Format.COHERE_CHAT,
        Format.OLLAMA_CHAT,
    }
)
EMBEDDINGS: Final = frozenset(
    {
        Format.EMBEDDINGS,
        Format.EMBED_CONTENT,
        Format.VERTEX_PREDICT,
        Format.COHERE_EMBED,
        Format.OLLAMA_EMBED,
        Format.TITAN_EMBED,
        Format.BEDROCK_COHERE_EMBED,
    }
)
RERANKS: Final = frozenset({Format.RERANK, Format.COHERE_RERANK})

FAMILIES: Final = (CONVERSATIONS, EMBEDDINGS, RERANKS)

MODEL_IN_PATH: Final = frozenset(
    {
        Format.GENERATE_CONTENT,
        Format.CONVERSE,
        Format.INVOKE,
        Format.EMBED_CONTENT,
        Format.VERTEX_PREDICT,
        Format.TITAN_EMBED,
        Format.BEDROCK_COHERE_EMBED,
    }
)
"""Their bodies do not name the model, or need not."""
