"""Requests for embeddings as OpenAI has them, and what the formats of this family share.

Sources: OpenAI's published OpenAPI description and the types of openai-python.
"""

from typing import Final

from fastgate.wire.embeddings.client import EmbeddingsClient
from fastgate.wire.embeddings.provider import EmbeddingsProvider

CLIENT: Final = EmbeddingsClient()
PROVIDER: Final = EmbeddingsProvider()
