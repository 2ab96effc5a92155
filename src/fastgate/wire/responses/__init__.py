"""OpenAI's Responses API as clients speak it; to providers that have it themselves, it passes through.

Sources: OpenAI's API reference, the types of openai-python 3, and the Open Responses specification.
"""

from fastgate.wire.responses.client import ResponsesClient

CLIENT = ResponsesClient()

__all__ = ["CLIENT"]
