"""Dialects by the name that a provider's configuration gives."""

from typing import Final

from fastgate.providers.interface import Dialect
from fastgate.providers.openai import OpenAIDialect

DIALECTS: Final[dict[str, Dialect]] = {"openai": OpenAIDialect()}
