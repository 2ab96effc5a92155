"""Google's two hosts of models: the Gemini API behind an API key, and Vertex AI behind an access token.

Sources: the discovery documents of both, Google's documentation, google-genai, and anthropic-python for
Claude on Vertex.
"""

from fastgate.providers.google.gemini import GeminiDialect
from fastgate.providers.google.vertex import VertexDialect

__all__ = ["GeminiDialect", "VertexDialect"]
