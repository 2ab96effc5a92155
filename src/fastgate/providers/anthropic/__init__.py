"""Anthropic's own API: the Messages API behind an API key or an OAuth token.

Sources: Anthropic's API reference (versions, errors, rate limits) and anthropic-python.
"""

from fastgate.providers.anthropic.dialect import AnthropicDialect

__all__ = ["AnthropicDialect"]
