"""OpenAI's two usage shapes (chat: prompt/completion, Responses and others: input/output)."""

import msgspec

from fastgate.domain.usage import Usage


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
        taken_in = self.prompt_tokens_details or self.input_tokens_details or _InputDetails()
        given_out = self.completion_tokens_details or self.output_tokens_details or _OutputDetails()
        return Usage(
            input_tokens=self.prompt_tokens or self.input_tokens or 0,
            output_tokens=self.completion_tokens or self.output_tokens or 0,
            cached_input_tokens=taken_in.cached_tokens or 0,
            cache_write_tokens=taken_in.cache_write_tokens or 0,
            input_audio_tokens=taken_in.audio_tokens or 0,
            reasoning_tokens=given_out.reasoning_tokens or 0,
            output_audio_tokens=given_out.audio_tokens or 0,
            service_tier=service_tier,
        )
