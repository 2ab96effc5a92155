"""`usageMetadata`: cumulative in a stream, with thoughts and tool results beside what they are part of in
`domain.usage`."""

from typing import Any, Final

from fastgate.domain.usage import Usage
from fastgate.wire.gemini.models import GEMINI_3, generation
from fastgate.wire.gemini.shapes import UsageMetadata

_VIDEO: Final = "input_video_tokens"
_TIERS: Final = {
    "standard": "default",
    "flex": "flex",
    "priority": "priority",
    "ON_DEMAND": "default",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_PRIORITY": "priority",
    "PROVISIONED_THROUGHPUT": "provisioned",
}
"""`serviceTier` of the Gemini API and `trafficType` of Vertex, as OpenAI calls the same."""


def usage_of(said: UsageMetadata | None, searches: int = 0) -> Usage | None:
    """`searches` as `billed_searches` has them. None where nothing was counted: early chunks of a stream may
    tell of the kind of traffic alone."""
    if said is None or (said.prompt_token_count is None and said.candidates_token_count is None):
        return None
    usage = Usage(
        input_tokens=(said.prompt_token_count or 0) + (said.tool_use_prompt_token_count or 0),
        output_tokens=(said.candidates_token_count or 0) + (said.thoughts_token_count or 0),
        cached_input_tokens=said.cached_content_token_count or 0,
        reasoning_tokens=said.thoughts_token_count or 0,
        web_searches=searches,
        service_tier=_TIERS.get(said.service_tier or said.traffic_type or ""),
    )
    for each in (*(said.prompt_tokens_details or ()), *(said.tool_use_prompt_tokens_details or ())):
        count = each.token_count or 0
        if each.modality == "AUDIO":
            usage.input_audio_tokens += count
        elif each.modality == "IMAGE":
            usage.input_image_tokens += count
        elif each.modality == "VIDEO":
            usage.other = {_VIDEO: count + (usage.other or {}).get(_VIDEO, 0)}
    for each in said.cache_tokens_details or ():
        if each.modality == "AUDIO":
            usage.cached_audio_tokens += each.token_count or 0
        elif each.modality == "IMAGE":
            usage.cached_image_tokens += each.token_count or 0
    for each in said.candidates_tokens_details or ():
        if each.modality == "AUDIO":
            usage.output_audio_tokens += each.token_count or 0
        elif each.modality == "IMAGE":
            usage.output_image_tokens += each.token_count or 0
    return usage


def billed_searches(queries: int, model: str) -> int:
    """Of Google Search: before Gemini 3 a grounded request is billed once, whatever it looked for."""
    return queries if generation(model) >= GEMINI_3 else min(queries, 1)


def usage_metadata(usage: Usage) -> dict[str, Any]:
    """As it is written for clients. Not the tier, whose field google-genai's types do not have."""
    spoken = max(usage.output_tokens - usage.reasoning_tokens, 0)
    said: dict[str, Any] = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": spoken,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_input_tokens:
        said["cachedContentTokenCount"] = usage.cached_input_tokens
    if usage.reasoning_tokens:
        said["thoughtsTokenCount"] = usage.reasoning_tokens
    for name, whole, audio, image in (
        ("promptTokensDetails", usage.input_tokens, usage.input_audio_tokens, usage.input_image_tokens),
        (
            "cacheTokensDetails",
            usage.cached_input_tokens,
            usage.cached_audio_tokens,
            usage.cached_image_tokens,
        ),
        (
            "candidatesTokensDetails",
            spoken,
            usage.output_audio_tokens,
            usage.output_image_tokens,
        ),
    ):
        if audio or image:
            counts = {"TEXT": whole - audio - image, "AUDIO": audio, "IMAGE": image}
            said[name] = [
                {"modality": kind, "tokenCount": count} for kind, count in counts.items() if count > 0
            ]
    return said
