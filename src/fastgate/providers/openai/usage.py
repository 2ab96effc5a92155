"""OpenAI's two usage shapes (chat: prompt/completion, Responses and others: input/output)."""

from typing import Annotated, Final

import msgspec

from fastgate.domain.usage import Usage
from fastgate.providers.openai.lenient import UNREADABLE, is_empty, text

MAX_TOKENS: Final = 1 << 40
MAX_DIGITS: Final = 32


class _Details(msgspec.Struct):
    cached_tokens: msgspec.Raw = msgspec.Raw()
    cache_write_tokens: msgspec.Raw = msgspec.Raw()
    reasoning_tokens: msgspec.Raw = msgspec.Raw()
    audio_tokens: msgspec.Raw = msgspec.Raw()


class _UsageObject(msgspec.Struct):
    """Either shape; a field that the vendor leaves out, or fills with no number, counts as 0."""

    prompt_tokens: msgspec.Raw = msgspec.Raw()
    completion_tokens: msgspec.Raw = msgspec.Raw()
    input_tokens: msgspec.Raw = msgspec.Raw()
    output_tokens: msgspec.Raw = msgspec.Raw()
    prompt_tokens_details: msgspec.Raw = msgspec.Raw()
    completion_tokens_details: msgspec.Raw = msgspec.Raw()
    input_tokens_details: msgspec.Raw = msgspec.Raw()
    output_tokens_details: msgspec.Raw = msgspec.Raw()
    input_token_details: msgspec.Raw = msgspec.Raw()  # so called in transcripts


Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_TOKENS)]


class _SaneInput(msgspec.Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    audio_tokens: Count | None = None


class _SaneOutput(msgspec.Struct):
    reasoning_tokens: Count | None = None
    audio_tokens: Count | None = None


class SaneUsage(msgspec.Struct):
    """Usage as the specification has it, which is decoded in one go; what does not fit goes to `usage_of`."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    prompt_tokens_details: _SaneInput | None = None
    completion_tokens_details: _SaneOutput | None = None
    input_tokens_details: _SaneInput | None = None
    output_tokens_details: _SaneOutput | None = None
    input_token_details: _SaneInput | None = None

    def usage(self, service_tier: str | None) -> Usage:
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
        given_out = self.completion_tokens_details or self.output_tokens_details
        if given_out is not None:
            usage.reasoning_tokens = given_out.reasoning_tokens or 0
            usage.output_audio_tokens = given_out.audio_tokens or 0
        return usage


_usages: Final = msgspec.json.Decoder(_UsageObject)
_details: Final = msgspec.json.Decoder(_Details)


def usage_of(value: msgspec.Raw, service_tier: msgspec.Raw) -> Usage | None:
    """None where there is no usage object."""
    if is_empty(value):
        return None
    try:
        said = _usages.decode(value)
    except UNREADABLE:
        return None
    taken_in = _details_in(said.prompt_tokens_details, said.input_tokens_details, said.input_token_details)
    given_out = _details_in(said.completion_tokens_details, said.output_tokens_details)
    return Usage(
        input_tokens=_count(said.prompt_tokens) or _count(said.input_tokens),
        output_tokens=_count(said.completion_tokens) or _count(said.output_tokens),
        cached_input_tokens=_count(taken_in.cached_tokens),
        cache_write_tokens=_count(taken_in.cache_write_tokens),
        input_audio_tokens=_count(taken_in.audio_tokens),
        reasoning_tokens=_count(given_out.reasoning_tokens),
        output_audio_tokens=_count(given_out.audio_tokens),
        service_tier=text(service_tier),
    )


def _details_in(*values: msgspec.Raw) -> _Details:
    given = next((value for value in values if not is_empty(value)), None)
    if given is not None:
        try:
            return _details.decode(given)
        except UNREADABLE:
            return _Details()
    return _Details()


def _count(value: msgspec.Raw) -> int:
    """What a provider says is not trusted to be a sane number, or a number at all."""
    digits = bytes(value).strip(b'"')
    if not digits or len(digits) > MAX_DIGITS:
        return 0
    try:
        tokens = float(digits)
    except ValueError:
        return 0
    return int(min(tokens, MAX_TOKENS)) if tokens > 0 else 0
