"""What a provider says it consumed, in the provider-neutral units that prices are given in."""

import msgspec


class Usage(msgspec.Struct, kw_only=True):
    """Counts of one attempt. `input_tokens` includes cached ones; `output_tokens` includes reasoning."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    service_tier: str | None = None
    estimated: bool = False
