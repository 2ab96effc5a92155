"""OpenAI's dialect, which most vendors and all self-hosted servers speak too.

Source: OpenAI's published OpenAPI description and the types of openai-python.
"""

from fastgate.providers.openai.dialect import OpenAIDialect

__all__ = ["OpenAIDialect"]
