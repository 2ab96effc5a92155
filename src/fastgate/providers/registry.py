"""Dialects by the name that a provider's configuration gives."""

from typing import Final

from fastgate.domain.dialect import DialectName
from fastgate.providers.anthropic import AnthropicDialect
from fastgate.providers.bedrock import BedrockDialect
from fastgate.providers.cohere import CohereDialect
from fastgate.providers.google import GeminiDialect, VertexDialect
from fastgate.providers.interface import Dialect
from fastgate.providers.ollama import OllamaDialect
from fastgate.providers.openai import OpenAIDialect

DIALECTS: Final[dict[str, Dialect]] = {
    DialectName.OPENAI: OpenAIDialect(),
    DialectName.ANTHROPIC: AnthropicDialect(),
    DialectName.BEDROCK: BedrockDialect(),
    DialectName.GEMINI: GeminiDialect(),
    DialectName.VERTEX: VertexDialect(),
    DialectName.COHERE: CohereDialect(),
    DialectName.OLLAMA: OllamaDialect(),
}
