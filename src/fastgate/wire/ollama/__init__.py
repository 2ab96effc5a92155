"""Ollama's own API towards Ollama: chat and embeddings.

Sources: Ollama's API reference, `api/types.go`, and the types of its Python SDK.
"""

from typing import Final

from fastgate.wire.ollama.chat import OllamaChatProvider
from fastgate.wire.ollama.embed import OllamaEmbedProvider

CHAT_PROVIDER: Final = OllamaChatProvider()
EMBED_PROVIDER: Final = OllamaEmbedProvider()
