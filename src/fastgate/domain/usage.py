"""What a provider says it consumed, in the provider-neutral units that prices are given in."""

from typing import Final

import msgspec


class Usage(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Counts of one attempt. A part is contained in its whole: `input_tokens` includes cached, cache-written,
    audio and image tokens, and `output_tokens` those of reasoning, audio and images.

    `cache_write_tokens` includes `cache_write_1h_tokens`; cached audio and image tokens are among the cached
    ones and among those of their kind. `audio_ms` is all sound, `input_audio_ms` what was listened to.
    `images` are those made, `pages` those read. `other` are the units that have no field, by their name in
    genai-prices (durations in milliseconds, as `output_audio_ms`).
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    cached_audio_tokens: int = 0
    input_image_tokens: int = 0
    output_image_tokens: int = 0
    cached_image_tokens: int = 0
    audio_ms: int = 0
    input_audio_ms: int = 0
    images: int = 0
    pages: int = 0
    web_searches: int = 0
    other: dict[str, int] | None = None
    service_tier: str | None = None

    def __add__(self, other: "Usage") -> "Usage":
        """Of both; the tier is this one's."""
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        rest = self.other or other.other
        if self.other and other.other:
            names = self.other | other.other
            rest = {name: self.other.get(name, 0) + other.other.get(name, 0) for name in names}
        return msgspec.structs.replace(self, **counts, other=rest)


COUNTS: Final = tuple(name for name in Usage.__struct_fields__ if name not in ("other", "service_tier"))
"""The fields that are counts."""
