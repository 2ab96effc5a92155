"""Usage as the Messages API says it: cached and cache-written tokens beside `input_tokens`, thinking in
`output_tokens`."""

from typing import Annotated, Any, Final

import msgspec

from fastgate.domain.usage import Usage
from fastgate.wire.lenient import UNREADABLE

MAX_TOKENS: Final = 1 << 40

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]


class _Written(msgspec.Struct, frozen=True):
    ephemeral_1h_input_tokens: Count | None = None


class _Output(msgspec.Struct, frozen=True):
    thinking_tokens: Count | None = None


class _Tools(msgspec.Struct, frozen=True):
    web_search_requests: Count | None = None


class _Tokens(msgspec.Struct, frozen=True):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation: _Written | None = None

    def tokens(self) -> Usage:
        written = self.cache_creation_input_tokens or 0
        cached = self.cache_read_input_tokens or 0
        return Usage(
            input_tokens=(self.input_tokens or 0) + written + cached,
            output_tokens=self.output_tokens or 0,
            cached_input_tokens=cached,
            cache_write_tokens=written,
            cache_write_1h_tokens=(self.cache_creation and self.cache_creation.ephemeral_1h_input_tokens)
            or 0,
        )


class _Iteration(_Tokens, frozen=True):
    type: str = ""


class Said(_Tokens, frozen=True):
    """A usage object. In a stream the first one tells of the input, and later ones repeat what they like.
    Its counts leave out those of `iterations` in which a conversation was made shorter."""

    output_tokens_details: _Output | None = None
    server_tool_use: _Tools | None = None
    service_tier: str | None = None
    speed: str | None = None
    iterations: list[_Iteration] | None = None

    def after(self, earlier: "Said | None") -> "Said":
        """This one, and of an earlier one what this one leaves out: all counts are cumulative."""
        if earlier is None:
            return self
        return Said(
            *(
                getattr(earlier, name) if getattr(self, name) is None else getattr(self, name)
                for name in self.__struct_fields__
            )
        )

    def usage(self) -> Usage:
        """A speed that has a price of its own goes as a service tier."""
        usage = self.tokens()
        for iteration in self.iterations or ():
            if iteration.type == _BESIDE:
                usage += iteration.tokens()
        return msgspec.structs.replace(
            usage,
            reasoning_tokens=(self.output_tokens_details and self.output_tokens_details.thinking_tokens) or 0,
            web_searches=(self.server_tool_use and self.server_tool_use.web_search_requests) or 0,
            service_tier=self.speed if self.speed == _FAST else self.service_tier,
        )


_BESIDE: Final = "compaction"
_FAST: Final = "fast"
_UNSAID: Final = Said()
_said: Final[msgspec.json.Decoder[Said | None]] = msgspec.json.Decoder(Said | None)

_TIERS: Final = {"standard": "standard", "default": "standard", "priority": "priority", "batch": "batch"}


def read_usage(value: msgspec.Raw) -> Said | None:
    """None where there is none, or nothing that can be counted on."""
    if not bytes(value):
        return None
    try:
        said = _said.decode(value)
    except UNREADABLE:
        return None
    return None if said == _UNSAID else said


def usage_so_far(usage: Usage | None) -> dict[str, Any]:
    """As `message_delta` has it. Strict clients need every field, so without usage all counts are 0."""
    usage = usage or Usage()
    beside = usage.cached_input_tokens + usage.cache_write_tokens
    return {
        "input_tokens": max(usage.input_tokens - beside, 0),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_tokens},
        "server_tool_use": _tool_use(usage.web_searches),
    }


def whole_usage(usage: Usage | None) -> dict[str, Any]:
    """As a message has it."""
    usage = usage or Usage()
    return {
        **usage_so_far(usage),
        "cache_creation": {
            "ephemeral_5m_input_tokens": max(usage.cache_write_tokens - usage.cache_write_1h_tokens, 0),
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        },
        "inference_geo": None,
        "service_tier": _TIERS.get(usage.service_tier or ""),
    }


def _tool_use(searches: int) -> dict[str, int] | None:
    return {"web_search_requests": searches, "web_fetch_requests": 0} if searches else None
