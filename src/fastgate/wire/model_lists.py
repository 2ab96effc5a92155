"""Lists of models, in the shape that a client's SDK reads."""

from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.domain.format import Format
from fastgate.wire.openai import Model, ModelList

CREATED: Final = 1_700_000_000
"""OpenAI's and Anthropic's types demand a creation time; the gateway knows none, and says one for all."""
_CREATED_AT: Final = "2023-11-14T22:13:20Z"


class _AnthropicModel(msgspec.Struct):
    """`lifecycle` came with the API's version 2026-10-21."""

    id: str
    display_name: str
    created_at: str = _CREATED_AT
    type: str = "model"
    lifecycle: str = "active"


class _AnthropicList(msgspec.Struct):
    data: list[_AnthropicModel]
    first_id: str | None
    last_id: str | None
    has_more: bool = False


class _GeminiModel(msgspec.Struct, rename="camel"):
    name: str
    display_name: str
    supported_generation_methods: tuple[str, ...] = (
        "generateContent",
        "streamGenerateContent",
        "countTokens",
    )


class _GeminiList(msgspec.Struct):
    models: list[_GeminiModel]


def write_models(format_: Format, models: Sequence[tuple[str, str]]) -> bytes:
    """`models` are (name, owner); OpenAI's shape where the format has none of its own."""
    if format_ is Format.MESSAGES:
        shown = [_AnthropicModel(name, name) for name, _ in models]
        first, last = (shown[0].id, shown[-1].id) if shown else (None, None)
        return msgspec.json.encode(_AnthropicList(shown, first, last))
    if format_ is Format.GENERATE_CONTENT:
        return msgspec.json.encode(_GeminiList([_gemini(name) for name, _ in models]))
    return msgspec.json.encode(ModelList([Model(name, CREATED, owner) for name, owner in models]))


def write_model(format_: Format, name: str, owner: str) -> bytes:
    """One of them, alone."""
    if format_ is Format.MESSAGES:
        return msgspec.json.encode(_AnthropicModel(name, name))
    if format_ is Format.GENERATE_CONTENT:
        return msgspec.json.encode(_gemini(name))
    return msgspec.json.encode(Model(name, CREATED, owner))


def _gemini(name: str) -> _GeminiModel:
    return _GeminiModel(f"models/{name}", name)
