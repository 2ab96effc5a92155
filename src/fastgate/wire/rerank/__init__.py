"""Rankings of documents as Jina, vLLM and the first version of Cohere's API have them: `POST /v1/rerank`.

Sources: Jina's API reference, vLLM's `entrypoints` for scoring, text-embeddings-inference.
"""

from typing import Final

from fastgate.wire.rerank.client import RerankClient
from fastgate.wire.rerank.provider import RerankProvider

CLIENT: Final = RerankClient()
PROVIDER: Final = RerankProvider()
