"""Google's formats: Gemini's contents, and its embeddings as the Gemini API and Vertex AI have them.

Sources: the discovery documents of the Gemini API (v1beta) and Vertex AI (v1), Google's documentation of
both, and the types of google-genai. Clients may spell every field in camel case or in snake case, as proto
JSON allows; what is written is camel case.
"""

from typing import Final

from fastgate.wire.gemini.client import GeminiClient
from fastgate.wire.gemini.embed import EmbedClient, EmbedProvider
from fastgate.wire.gemini.predict import PredictProvider
from fastgate.wire.gemini.provider import GeminiProvider

CLIENT: Final = GeminiClient()
PROVIDER: Final = GeminiProvider()
EMBED_CLIENT: Final = EmbedClient()
EMBED_PROVIDER: Final = EmbedProvider()
PREDICT_PROVIDER: Final = PredictProvider()
