"""Usage as chat completions and legacy completions say it, and the service tiers that strict clients know."""

from typing import Any, Final

from fastgate.domain.usage import Usage

_TIERS: Final = {
    **{tier: tier for tier in ("auto", "default", "flex", "scale", "priority", "fast")},
    "standard": "default",  # Anthropic's
}


def write_usage(usage: Usage) -> dict[str, Any]:
    prompt = {"cached_tokens": usage.cached_input_tokens, "audio_tokens": usage.input_audio_tokens}
    if usage.cache_write_tokens:
        prompt["cache_write_tokens"] = usage.cache_write_tokens
    if usage.input_image_tokens:
        prompt["image_tokens"] = usage.input_image_tokens
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.output_audio_tokens,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def tier_of(tier: str | None) -> str | None:
    """The word for it here; None if there is none."""
    return None if tier is None else _TIERS.get(tier)
