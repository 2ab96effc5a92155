"""Converse's counts: `inputTokens` leaves out what was read from a cache or written to it."""

from typing import Annotated, Any, Final

import msgspec

from fastgate.domain.usage import Usage
from fastgate.wire.lenient import UNREADABLE

TIERS: Final = frozenset({"priority", "default", "flex", "reserved"})
"""Service tiers as Bedrock names them."""


MAX_TOKENS: Final = 1 << 40

_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]


class _CacheDetail(msgspec.Struct):
    ttl: str = ""
    inputTokens: _Count = 0


class _TokenUsage(msgspec.Struct):
    inputTokens: _Count
    outputTokens: _Count
    cacheReadInputTokens: _Count | None = None
    cacheWriteInputTokens: _Count | None = None
    cacheDetails: list[_CacheDetail] | None = None


class _ServiceTier(msgspec.Struct):
    type: str | None = None


_usages: Final = msgspec.json.Decoder(_TokenUsage)
_tiers: Final = msgspec.json.Decoder(_ServiceTier)


class Consumed(msgspec.Struct):
    """The members of an answer, or of a stream's last event, that tell what it took."""

    usage: msgspec.Raw = msgspec.Raw()
    serviceTier: msgspec.Raw = msgspec.Raw()

    def tier(self) -> str | None:
        if not bytes(self.serviceTier):
            return None
        try:
            return _tiers.decode(self.serviceTier).type
        except UNREADABLE:
            return None

    def read(self) -> Usage | None:
        """None where there is none, or nothing that can be counted on."""
        if not bytes(self.usage):
            return None
        try:
            said = _usages.decode(self.usage)
        except UNREADABLE:
            return None
        read, written = said.cacheReadInputTokens or 0, said.cacheWriteInputTokens or 0
        return Usage(
            input_tokens=said.inputTokens + read + written,
            output_tokens=said.outputTokens,
            cached_input_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=sum(
                each.inputTokens for each in said.cacheDetails or () if each.ttl == "1h"
            ),
            service_tier=self.tier(),
        )


def write_usage(usage: Usage | None) -> dict[str, Any]:
    """The counts must be there: without any they are 0."""
    usage = usage or Usage()
    read, written, hour = usage.cached_input_tokens, usage.cache_write_tokens, usage.cache_write_1h_tokens
    counts: dict[str, Any] = {
        "inputTokens": max(usage.input_tokens - read - written, 0),
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.input_tokens + usage.output_tokens,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }
    details = [{"ttl": ttl, "inputTokens": n} for ttl, n in (("1h", hour), ("5m", written - hour)) if n > 0]
    if details:
        counts["cacheDetails"] = details
    return counts


def write_tier(tier: str | None) -> dict[str, Any]:
    """The member of an answer that names it, if Bedrock has it."""
    return {"serviceTier": {"type": tier}} if tier in TIERS else {}
