"""What a request may consume at most, as far as can be told before it."""

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fastgate.domain.endpoint import Endpoint
from fastgate.limits.chain import Chain
from fastgate.pricing.estimate import Size, input_tokens
from fastgate.wire.envelope import Fields

if TYPE_CHECKING:
    from fastgate.pipeline.exchange import Exchange

# Parts that are billed by what they show or sound, not by their text.
_IMAGES: Final = re.compile(rb'"type"\s*:\s*"(?:image_url|input_image)"')
_FILES: Final = re.compile(rb'"type"\s*:\s*"(?:input_audio|file|input_file)"')
# After a key, whose quotes no text of a client has: what looks like base64 in a message is billed as text.
_ENCODED: Final = re.compile(
    rb'"(?:(?:image_)?url|data|file_data)"\s*:\s*"(?:data:[^",]{0,100};base64,)?[A-Za-z0-9+/=]{256,}'
)
# The provider has it: a conversation, one of its items, a template.
_STORED: Final = re.compile(rb'"(?:conversation"\s*:|item_reference"|prompt"\s*:\s*\{)')
_SEARCHES: Final = re.compile(rb'"(?:web_search|file_search|code_interpreter)[a-z0-9_]*"')
_GENERATES_TEXT: Final = frozenset({Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.RESPONSES})
_GENERATES_IMAGES: Final = frozenset({Endpoint.IMAGES_GENERATIONS, Endpoint.IMAGES_EDITS})
FREE: Final = frozenset({Endpoint.MODERATIONS})
"""Providers bill nothing for these, so they need no price."""

SPEECH_TOKENS_PER_BYTE: Final = 4
"""Of text: OpenAI makes some 21 tokens of a second of speech."""
# The largest image that OpenAI makes is 6,240 tokens, the longest transcript 2,000.
_MADE: Final = {
    Endpoint.IMAGES_GENERATIONS: 8_192,
    Endpoint.IMAGES_EDITS: 8_192,
    Endpoint.AUDIO_TRANSCRIPTIONS: 4_096,
    Endpoint.AUDIO_TRANSLATIONS: 4_096,
}

SEARCHES: Final = 10
"""How many searches a call with such a tool is taken for."""
# No model gives more, and what is reckoned from them fits 64 bits.
MAX_OUTPUT: Final = 1 << 32
MAX_ANSWERS: Final = 1 << 16


class Demand(NamedTuple):
    """`output_cap` is per answer; `capped` says that the client itself set that bound. `made` are the tokens
    of an answer that is not text: they are held, and not taken from limits, as few models bill them."""

    size: Size
    input_tokens: int
    output_cap: int
    capped: bool
    service_tier: str | None
    made: int = 0

    def output_for(self, limits: Chain) -> int:
        """The tokens to take from the limits for the output."""
        tokens = self.output_cap * self.size.n
        return tokens if self.capped else limits.likely_output(self.input_tokens, tokens)


class _Completion(msgspec.Struct):
    prompt: msgspec.Raw = msgspec.Raw()
    best_of: msgspec.Raw = msgspec.Raw()


def _completions(body: bytes, n: int) -> int:
    """A list of prompts gets an answer for each, and `best_of` are written before `n` are chosen."""
    asked = msgspec.json.decode(body, type=_Completion)
    prompt, best_of = _value(asked.prompt), _value(asked.best_of)
    prompts = len(prompt) if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else 1
    return prompts * max(n, best_of if isinstance(best_of, int) else n)


def _value(raw: msgspec.Raw) -> Any:
    """None where there is none, or a number beyond all bounds in it, which the provider refuses."""
    try:
        return msgspec.json.decode(raw) if bytes(raw) else None
    except msgspec.ValidationError:
        return None


def _cap(fields: Fields, endpoint: Endpoint) -> int | None:
    """The most output tokens that the client lets one answer have, whichever of its fields the provider goes
    by. A negative one is no cap to anybody, and to some servers says so."""
    caps: tuple[int | None, ...]
    match endpoint:
        case Endpoint.RESPONSES:
            caps = (fields.max_output_tokens,)
        case Endpoint.CHAT:
            caps = (fields.max_completion_tokens, fields.max_tokens)
        case _:
            caps = (fields.max_tokens,)
    given = [cap for cap in caps if cap is not None]
    return max(given) if given and min(given) >= 0 else None


NOTHING: Final = Demand(Size(0), 0, 0, True, None)


def demand_of(exchange: "Exchange") -> Demand:
    envelope = exchange.envelope
    operation = exchange.operation
    if envelope is None:
        # A form is a file and a few words.
        n = exchange.form.n if exchange.form is not None and operation.endpoint in _GENERATES_IMAGES else 1
        size = Size(0, files=1, n=min(max(n, 1), MAX_ANSWERS))
        return Demand(size, input_tokens(size), 0, True, None, _MADE.get(operation.endpoint, 0))
    body, fields = envelope.body, envelope.fields
    text_bytes, images, files, searches = len(body), 0, 0, 0
    if b'"type"' in body:
        images, files = len(_IMAGES.findall(body)), len(_FILES.findall(body))
        if images or files:
            text_bytes -= sum(map(len, _ENCODED.findall(body)))
    if (b"_search" in body or b"code_interpreter" in body) and _SEARCHES.search(body):
        searches = SEARCHES
        files += 1  # what they find goes into the prompt
    if fields.previous_response_id is not None:
        files += 1  # the conversation so far, which the provider has
    elif operation.endpoint is Endpoint.RESPONSES and _STORED.search(body):
        files += 1
    answers = max(fields.n or 1, 1)
    if operation.endpoint is Endpoint.COMPLETIONS:
        answers = _completions(body, answers)
    answers = min(answers, MAX_ANSWERS)
    if operation.endpoint in _GENERATES_TEXT:
        cap = _cap(fields, operation.endpoint)
        default = exchange.generation.settings.money.default_output_hold_tokens
        each = default if cap is None else min(cap, MAX_OUTPUT)
        capped = cap is not None
    else:
        answers = answers if operation.endpoint in _GENERATES_IMAGES else 1
        each, capped = 0, True
    made = _MADE.get(operation.endpoint, 0)
    if operation.endpoint is Endpoint.AUDIO_SPEECH:
        made = text_bytes * SPEECH_TOKENS_PER_BYTE
    size = Size(text_bytes, images, files, searches, answers)
    return Demand(size, input_tokens(size), each, capped, fields.service_tier, made)
