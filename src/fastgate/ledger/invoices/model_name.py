"""Names of one model at different places, made equal: `Claude4.6Sonnet`, `claude-sonnet-4-6-20260501`."""

import re
from typing import Final

_DATE: Final = re.compile(r"[-@_ ](?:20\d{6}|20\d{2}-\d{2}-\d{2}|\d{2}-\d{2}|\d{4})(?!\d)")
_VERSION: Final = re.compile(r"[- ]v\d+(?::\d+)?\b|:\d+\b|\(.*?\)")
_POINT_ZERO: Final = re.compile(r"(?<=\d)\.0(?!\d)")
_WORD: Final = re.compile(r"[a-z]+|\d+")
_PUBLISHERS: Final = frozenset(
    {"amazon", "anthropic", "apac", "au", "ca", "cohere", "eu", "global", "google", "jp"}
    | {"meta", "mistralai", "models", "openai", "us"}
)


def model_key(name: str) -> str:
    """The words of the name in order of the alphabet, without publisher, region, date and version."""
    text = _POINT_ZERO.sub("", _VERSION.sub("", _DATE.sub("", name.lower())))
    return " ".join(sorted(word for word in _WORD.findall(text) if word not in _PUBLISHERS))
