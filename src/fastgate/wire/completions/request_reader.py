"""A request for a completion, read as a conversation of one message.

A model that chats answers a prompt rather than going on with it, which is what is left to those who call it
so. `echo`, `suffix` and `best_of` have no counterpart and are kept as they were written (`extra`).
"""

from typing import Final

import msgspec

from fastgate.domain.conversation import Conversation, Message, Places, Role, Text
from fastgate.domain.format import Format
from fastgate.errors import GatewayError
from fastgate.wire.chat.shapes import ABSENT
from fastgate.wire.reading import is_absent, read_fields
from fastgate.wire.unread import Known, Unread

DEFAULT_MAX_TOKENS: Final = 16
"""The API's own, where the client names none."""


class CompletionRequest(msgspec.Struct):
    """`model`, `stream`, `stream_options` and `fallbacks` are read elsewhere (`wire.envelope`)."""

    prompt: str | list[str | int | list[int]] | None = None
    model: msgspec.Raw = ABSENT
    stream: msgspec.Raw = ABSENT
    stream_options: msgspec.Raw = ABSENT
    fallbacks: msgspec.Raw = ABSENT
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    user: str | None = None
    provider_options: dict[str, dict[str, msgspec.Raw]] | None = None


_requests: Final = msgspec.json.Decoder(CompletionRequest)
_unread: Final = Unread(Known(CompletionRequest, kept=True, stream_options=Known(also=("include_usage",))))


def read_request(body: bytes) -> Conversation:
    """GatewayError `missing_field`, `invalid_field`, the latter also for prompts that are several, or tokens:
    no other provider could be sent them."""
    request, extra = read_fields(body, _requests)
    stop = request.stop
    return Conversation(
        format=Format.COMPLETIONS,
        messages=(Message(role=Role.USER, parts=(Text(text=_prompt(request)),)),),
        max_output_tokens=DEFAULT_MAX_TOKENS if request.max_tokens is None else request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        seed=request.seed,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        n=request.n,
        logprobs=None if request.logprobs is None else True,
        top_logprobs=request.logprobs or None,
        logit_bias=request.logit_bias,
        user=request.user,
        extra={name: value for name, value in extra.items() if not is_absent(value)} | _unread.of(body),
        options=request.provider_options or {},
        places=Places(parts=(("prompt",),)),
    )


def _prompt(request: CompletionRequest) -> str:
    prompt = request.prompt
    if prompt is None:
        raise GatewayError("missing_field", "The field 'prompt' is missing.", param="prompt")
    if isinstance(prompt, str):
        return prompt
    if len(prompt) == 1 and isinstance(prompt[0], str):
        return prompt[0]
    raise GatewayError(
        "invalid_field",
        "This model takes one prompt, as text: send several in requests of their own, and no tokens.",
        param="prompt",
    )
