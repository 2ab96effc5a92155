"""Requests of a given size, as the clients of a format write them."""

from typing import Any, Final

import msgspec
from benchmarks.suite.scenarios import Format, Kind, Scenario

PATHS: Final = {Format.CHAT: "/v1/chat/completions", Format.MESSAGES: "/v1/messages"}

_SENTENCE: Final = "The quick brown fox jumps over the lazy dog. "
_TURN_BYTES: Final = 4_000  # a long conversation has many messages, not one that is long


def body(scenario: Scenario, model: str) -> bytes:
    """About `scenario.body_bytes` of JSON: a conversation whose last word is the user's."""
    request: dict[str, Any] = {"model": model, "temperature": 0.2}
    if scenario.client is Format.MESSAGES:
        request["max_tokens"] = 256
    if scenario.kind is Kind.STREAMS:
        request["stream"] = True
    request["messages"] = list(_messages(scenario.body_bytes - len(msgspec.json.encode(request))))
    return msgspec.json.encode(request)


def _messages(size: int) -> list[dict[str, str]]:
    turns = max(1, size // _TURN_BYTES) | 1  # odd: the first and the last are the user's
    each = max(1, size // turns - len('{"role":"assistant","content":""},'))
    text = (_SENTENCE * (each // len(_SENTENCE) + 1))[:each]
    return [{"role": ("user", "assistant")[turn % 2], "content": text} for turn in range(turns)]
