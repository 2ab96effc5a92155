"""Anthropic's Messages API, as clients speak it and as providers do.

Sources: Anthropic's API reference, its OpenAPI description and the types of anthropic-python.
"""

from fastgate.wire.messages.client import MessagesClient
from fastgate.wire.messages.provider import MessagesProvider

CLIENT = MessagesClient()
PROVIDER = MessagesProvider()

__all__ = ["CLIENT", "PROVIDER"]
