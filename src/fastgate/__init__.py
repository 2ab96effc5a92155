"""fastgate: an OpenAI-compatible gateway in front of every LLM provider."""

from fastgate._version import __version__

__all__ = ["__version__"]
