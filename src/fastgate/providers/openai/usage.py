"""OpenAI's two usage shapes (chat: prompt/completion, Responses and others: input/output)."""

from typing import Final

import msgspec

from fastgate.domain.usage import Usage

MAX_TOKENS: Final = 1 << 40


class _InputDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None
    audio_tokens: int | None = None


class UsageObject(msgspec.Struct):
    """Either shape; a field that the vendor leaves out counts as 0."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens_details: _InputDetails | None = None
    completion_tokens_details: _OutputDetails | None = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None

    def normalise(self, service_tier: str | None) -> Usage:
        usage = Usage(
            input_tokens=_count(self.prompt_tokens or self.input_tokens),
            output_tokens=_count(self.completion_tokens or self.output_tokens),
            service_tier=service_tier,
        )
        taken_in = self.prompt_tokens_details or self.input_tokens_details
        if taken_in is not None:
            usage.cached_input_tokens = _count(taken_in.cached_tokens)
            usage.cache_write_tokens = _count(taken_in.cache_write_tokens)
            usage.input_audio_tokens = _count(taken_in.audio_tokens)
        given_out = self.completion_tokens_details or self.output_tokens_details
        if given_out is not None:
            usage.reasoning_tokens = _count(given_out.reasoning_tokens)
            usage.output_audio_tokens = _count(given_out.audio_tokens)
        return usage


def _count(tokens: int | None) -> int:
    """What a provider says is not trusted to be a sane number."""
    if tokens is None or tokens < 0:
        return 0
    return min(tokens, MAX_TOKENS)
