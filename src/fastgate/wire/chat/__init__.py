"""OpenAI's chat completions, which most vendors and all self-hosted servers speak too."""

from fastgate.wire.chat.client import CLIENT
from fastgate.wire.chat.provider import PROVIDER

__all__ = ["CLIENT", "PROVIDER"]
