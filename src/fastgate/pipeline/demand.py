"""What a request may consume at most, as far as can be told before it."""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from fastgate.domain.endpoint import FORMATS, Endpoint
from fastgate.domain.snapshot import Compat
from fastgate.limits.chain import Chain
from fastgate.pipeline.compat import compat_of
from fastgate.pricing.estimate import Size, input_tokens
from fastgate.wire.envelope import Fields
from fastgate.wire.signs import OPENAI, SIGNS, Signs, find_any

if TYPE_CHECKING:
    from fastgate.pipeline.exchange import Exchange

_GENERATES_TEXT: Final = frozenset(
    {
        Endpoint.CHAT,
        Endpoint.COMPLETIONS,
        Endpoint.RESPONSES,
        Endpoint.MESSAGES,
        Endpoint.GENERATE_CONTENT,
        Endpoint.CONVERSE,
        Endpoint.INVOKE,
    }
)
_RERANKS: Final = frozenset({Endpoint.RERANK, Endpoint.COHERE_RERANK})
_GENERATES_IMAGES: Final = frozenset({Endpoint.IMAGES_GENERATIONS, Endpoint.IMAGES_EDITS})
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
DOCUMENTS_PER_SEARCH: Final = 100
CHUNK_BYTES: Final = 500
"""Of a document to rank: Cohere cuts it into chunks of 500 tokens, and bills each as a document."""
# No model gives more, and what is reckoned from them fits 64 bits.
MAX_OUTPUT: Final = 1 << 32
MAX_ANSWERS: Final = 1 << 16


class Demand(msgspec.Struct, frozen=True, gc=False):
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


class _Ranking(msgspec.Struct):
    documents: list[msgspec.Raw] | None = None


def _rerank_searches(body: bytes) -> int:
    """What of the body is no list of documents is for the provider to refuse."""
    try:
        documents = len(msgspec.json.decode(body, type=_Ranking).documents or ())
    except msgspec.ValidationError:
        documents = 0
    return -(-max(documents + len(body) // CHUNK_BYTES, 1) // DOCUMENTS_PER_SEARCH)


def _signs(endpoint: Endpoint) -> Signs:
    format_ = FORMATS.get(endpoint)
    return OPENAI if format_ is None else SIGNS.get(format_, OPENAI)


def _value(raw: msgspec.Raw) -> Any:
    """None where there is none, or a number beyond all bounds in it, which the provider refuses."""
    try:
        return msgspec.json.decode(raw) if bytes(raw) else None
    except msgspec.ValidationError:
        return None


def _cap(fields: Fields, endpoint: Endpoint) -> int | None:
    """The most output tokens that the client lets one answer have, whichever of its fields the provider goes
    by. A negative one is no cap to anybody, and to some servers says so."""
    if endpoint is Endpoint.RESPONSES:
        cap = fields.max_output_tokens
    else:
        cap = fields.max_tokens
        newer = fields.max_completion_tokens if endpoint is Endpoint.CHAT else None
        if cap is None:
            cap = newer
        elif newer is not None:
            cap = max(cap, newer) if min(cap, newer) >= 0 else None
    return None if cap is None or cap < 0 else cap


NOTHING: Final = Demand(Size(0), 0, 0, True, None)


def demand_of(exchange: "Exchange") -> Demand:
    envelope = exchange.envelope
    endpoint = exchange.operation.endpoint
    if envelope is None:
        # A form is a file and a few words.
        n = exchange.form.n if exchange.form is not None and endpoint in _GENERATES_IMAGES else 1
        size = Size(0, files=1, n=min(max(n, 1), MAX_ANSWERS))
        return Demand(size, input_tokens(size), 0, True, None, _MADE.get(endpoint, 0))
    body, fields = envelope.body, envelope.fields
    # What is passed on to a provider of another format has that one's words.
    passes_on = fields.provider_options is not None or compat_of(exchange) is Compat.PASS
    found = find_any(body) if passes_on else _signs(endpoint).find(body)
    text_bytes, files, searches = len(body) - found.encoded, found.files, 0
    if found.searches:
        searches = SEARCHES
        files += 1  # what they find goes into the prompt
    elif endpoint in _RERANKS:
        searches = _rerank_searches(body)
    if found.stored or fields.previous_response_id is not None:
        files += 1  # the conversation so far, which the provider has
    answers = max(fields.n or 1, 1)
    if endpoint is Endpoint.COMPLETIONS:
        answers = _completions(body, answers)
    answers = min(answers, MAX_ANSWERS)
    if endpoint in _GENERATES_TEXT:
        cap = _cap(fields, endpoint)
        capped = cap is not None
        default = exchange.generation.settings.money.default_output_hold_tokens
        each = default if cap is None else min(cap, MAX_OUTPUT)
        made = 0
    else:
        if endpoint not in _GENERATES_IMAGES:
            answers = 1
        each, capped = 0, True
        speaks = endpoint is Endpoint.AUDIO_SPEECH
        made = text_bytes * SPEECH_TOKENS_PER_BYTE if speaks else _MADE.get(endpoint, 0)
    size = Size(text_bytes, found.images, files, searches, answers)
    return Demand(size, input_tokens(size), each, capped, fields.service_tier, made)
