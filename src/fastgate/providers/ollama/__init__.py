"""Ollama's own API. Source: Ollama's API reference."""

from fastgate.providers.ollama.dialect import OllamaDialect

__all__ = ["OllamaDialect"]
