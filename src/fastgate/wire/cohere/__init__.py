"""Cohere's second API: chat towards Cohere, embeddings and rankings towards both sides.

Sources: Cohere's published OpenAPI description and the types of its Python SDK.
"""

from typing import Final

from fastgate.wire.cohere.chat import CohereChatProvider
from fastgate.wire.cohere.embed_client import CohereEmbedClient
from fastgate.wire.cohere.embed_provider import CohereEmbedProvider
from fastgate.wire.cohere.rerank_client import CohereRerankClient
from fastgate.wire.cohere.rerank_provider import CohereRerankProvider

CHAT_PROVIDER: Final = CohereChatProvider()
EMBED_CLIENT: Final = CohereEmbedClient()
EMBED_PROVIDER: Final = CohereEmbedProvider()
RERANK_CLIENT: Final = CohereRerankClient()
RERANK_PROVIDER: Final = CohereRerankProvider()
