"""OpenAI's legacy completions, for clients of models that only chat. Providers that have them are never
translated to."""

from fastgate.wire.completions.client import CLIENT

__all__ = ["CLIENT"]
