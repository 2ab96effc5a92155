"""Plausible token counts of what a request holds, from its size."""

from collections.abc import Mapping
from typing import Any

_BYTES_PER_TOKEN = 4
_PART_TOKENS = 85  # of an image or a file


def text_tokens(data: str | bytes) -> int:
    size = len(data if isinstance(data, bytes) else data.encode())
    return max(1, (size + _BYTES_PER_TOKEN - 1) // _BYTES_PER_TOKEN)


def content_tokens(content: Any) -> int:
    """Tokens of a message's content: a string, or a list of parts."""
    if isinstance(content, str):
        return text_tokens(content)
    if not isinstance(content, list):
        return 0
    return sum(_part_tokens(part) for part in content)


def _part_tokens(part: Any) -> int:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return text_tokens(part["text"])
    return _PART_TOKENS


def completion_usage(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """Usage in the shape of chat and legacy completions."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
