"""Cohere's second API. Source: Cohere's published OpenAPI description."""

from fastgate.providers.cohere.dialect import CohereDialect

__all__ = ["CohereDialect"]
