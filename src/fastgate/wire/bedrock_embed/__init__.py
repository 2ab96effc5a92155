"""Embeddings that Bedrock's InvokeModel gives: Amazon's Titan models and Cohere's.

Source: "Inference request parameters and response fields" of Amazon Bedrock's user guide.
"""

from typing import Final

from fastgate.wire.bedrock_embed.cohere import BedrockCohereProvider
from fastgate.wire.bedrock_embed.titan import TitanProvider

TITAN_PROVIDER: Final = TitanProvider()
COHERE_PROVIDER: Final = BedrockCohereProvider()
