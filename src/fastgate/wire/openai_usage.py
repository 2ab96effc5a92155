"""OpenAI's two usage shapes (chat: prompt/completion, Responses and others: input/output), and what other
vendors of its dialect say in their own way."""

from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import Annotated, Any, Final, TypeVar

import msgspec

from fastgate.domain.usage import Usage
from fastgate.wire.lenient import UNREADABLE, is_empty, text

MAX_TOKENS: Final = 1 << 40
MAX_DIGITS: Final = 32

Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]
S = TypeVar("S", bound=msgspec.Struct)


class _Kinds(msgspec.Struct):
    audio_tokens: Count | None = None
    image_tokens: Count | None = None


class _Input(msgspec.Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    audio_tokens: Count | None = None
    image_tokens: Count | None = None
    cached_tokens_details: _Kinds | None = None


class _Output(msgspec.Struct):
    reasoning_tokens: Count | None = None
    audio_tokens: Count | None = None
    image_tokens: Count | None = None


class SaneUsage(msgspec.Struct):
    """Usage of the types that the specification gives; what does not fit is read by `usage_of`.

    Predicted tokens that were rejected are counted in the output already, as reasoning is.
    """

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: _Input | None = None
    completion_tokens_details: _Output | None = None
    input_tokens_details: _Input | None = None
    output_tokens_details: _Output | None = None
    input_token_details: _Input | None = None  # so called in transcripts
    output_token_details: _Output | None = None
    cached_tokens: Count | None = None  # Moonshot
    prompt_cache_hit_tokens: Count | None = None  # DeepSeek
    reasoning_tokens: Count | None = None  # Perplexity
    citation_tokens: Count | None = None  # Perplexity
    num_search_queries: Count | None = None  # Perplexity
    prompt_audio_seconds: msgspec.Raw = msgspec.Raw()  # Mistral's transcripts
    seconds: msgspec.Raw = msgspec.Raw()  # whisper-1, which is billed by time

    def usage(self, service_tier: str | None) -> Usage | None:
        """None where nothing was counted."""
        if self == _UNSAID:
            return None
        usage = Usage(
            input_tokens=self.prompt_tokens or self.input_tokens or 0,
            output_tokens=self.completion_tokens or self.output_tokens or 0,
            service_tier=service_tier,
        )
        taken_in = self.prompt_tokens_details or self.input_tokens_details or self.input_token_details
        if taken_in is not None:
            usage.cached_input_tokens = taken_in.cached_tokens or 0
            usage.cache_write_tokens = taken_in.cache_write_tokens or 0
            usage.input_audio_tokens = taken_in.audio_tokens or 0
            usage.input_image_tokens = taken_in.image_tokens or 0
            kinds = taken_in.cached_tokens_details
            if kinds is not None:
                usage.cached_audio_tokens = kinds.audio_tokens or 0
                usage.cached_image_tokens = kinds.image_tokens or 0
        given_out = self.completion_tokens_details or self.output_tokens_details or self.output_token_details
        if given_out is not None:
            usage.reasoning_tokens = given_out.reasoning_tokens or 0
            usage.output_audio_tokens = given_out.audio_tokens or 0
            usage.output_image_tokens = given_out.image_tokens or 0
        if self.total_tokens != usage.input_tokens + usage.output_tokens:
            self._add_what_is_beside(usage)
        self._add_peculiar(usage)
        return usage

    def _add_what_is_beside(self, usage: Usage) -> None:
        """xAI counts reasoning beside the output, and Gemini beside it and in the total alone."""
        beside = (self.total_tokens or 0) - usage.input_tokens - usage.output_tokens
        if beside <= 0 or self.reasoning_tokens:
            return
        if not usage.input_tokens and not usage.output_tokens:
            usage.input_tokens = beside  # rerankers give nothing else
        elif beside == usage.reasoning_tokens or not (usage.reasoning_tokens or usage.cached_input_tokens):
            usage.output_tokens += beside
            usage.reasoning_tokens = beside

    def _add_peculiar(self, usage: Usage) -> None:
        if not usage.cached_input_tokens:
            usage.cached_input_tokens = self.prompt_cache_hit_tokens or self.cached_tokens or 0
        if self.reasoning_tokens and not usage.reasoning_tokens:
            usage.reasoning_tokens = self.reasoning_tokens
            usage.output_tokens += self.reasoning_tokens
        if self.citation_tokens:
            usage.output_tokens += self.citation_tokens
            usage.other = {"output_citation_tokens": self.citation_tokens}
        usage.web_searches = self.num_search_queries or 0
        for seconds in (self.seconds, self.prompt_audio_seconds):
            if not is_empty(seconds):
                usage.audio_ms = usage.input_audio_ms = milliseconds(seconds)


_UNSAID: Final = SaneUsage()
_sane: Final = msgspec.json.Decoder(SaneUsage)
_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

_DETAILS: Final[dict[str, type[msgspec.Struct]]] = {
    "prompt_tokens_details": _Input,
    "completion_tokens_details": _Output,
    "input_tokens_details": _Input,
    "output_tokens_details": _Output,
    "input_token_details": _Input,
    "output_token_details": _Output,
    "cached_tokens_details": _Kinds,
}
_SECONDS: Final = frozenset(("seconds", "prompt_audio_seconds"))


def usage_of(value: msgspec.Raw, service_tier: msgspec.Raw) -> Usage | None:
    """None where there is no usage object, or one without any count. A count that is no number is 0."""
    if is_empty(value):
        return None
    try:
        said = _sane.decode(value)
    except UNREADABLE:
        lenient = _leniently(value, SaneUsage)
        if lenient is None:
            return None
        said = lenient
    return said.usage(text(service_tier))


def milliseconds(seconds: msgspec.Raw) -> int:
    """Rounded up, of a number that may be in quotes; 0 where it is none."""
    return int((_number(seconds) * 1_000).to_integral_value(ROUND_CEILING))


def _leniently(value: msgspec.Raw, kind: type[S]) -> S | None:
    """The members that can be read; None where it is no object."""
    try:
        members = _members.decode(value)
    except UNREADABLE:
        return None
    found: dict[str, Any] = {}
    for name in kind.__struct_fields__:
        if name not in members or is_empty(members[name]):
            continue
        if name in _DETAILS:
            found[name] = _leniently(members[name], _DETAILS[name])
        else:
            found[name] = members[name] if name in _SECONDS else _count(members[name])
    return kind(**found)


def _count(value: msgspec.Raw) -> int:
    """What a provider says is not trusted to be a sane number, or a number at all."""
    return int(_number(value))


def _number(value: msgspec.Raw) -> Decimal:
    digits = bytes(value).strip(b'"')
    if len(digits) > MAX_DIGITS:
        return Decimal(0)
    try:
        number = Decimal(digits.decode())
    except (InvalidOperation, UnicodeDecodeError):
        return Decimal(0)
    if number.is_nan() or number <= 0:
        return Decimal(0)
    return min(number, Decimal(MAX_TOKENS))
