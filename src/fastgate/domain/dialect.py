"""The dialects that providers speak."""

from enum import StrEnum


class DialectName(StrEnum):
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    BEDROCK = "bedrock"
    GEMINI = "gemini"
    VERTEX = "vertex"
    COHERE = "cohere"
    OLLAMA = "ollama"
