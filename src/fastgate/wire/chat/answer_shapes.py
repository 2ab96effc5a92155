"""Answers and chunks as servers of chat completions write them: what vendors fill with types of their own is
`Any`.

Source: the response types of openai-python 3, the documents of DeepSeek, Mistral, OpenRouter and Google.
"""

from typing import Any, Final

import msgspec

from fastgate.wire.beside import Beside

ABSENT: Final = msgspec.Raw()


class Function(msgspec.Struct):
    """`arguments` is JSON text; the object itself with some servers."""

    name: str | None = None
    arguments: Any = None


class Custom(msgspec.Struct):
    name: str | None = None
    input: str | None = None


class Google(msgspec.Struct):
    thought_signature: str | None = None


class Extra(msgspec.Struct):
    google: Google | None = None


class Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Extra | None = None


class Said(msgspec.Struct):
    """A message or a delta. `content` is a list with Mistral, where it has thoughts or references in it;
    `reasoning_content` is DeepSeek's, `reasoning` OpenRouter's; `images` are OpenRouter's."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    annotations: list[msgspec.Raw] | None = None
    audio: msgspec.Raw = ABSENT
    images: Any = None


class Choice(msgspec.Struct):
    index: int = 0
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = ABSENT


class ChatAnswer(msgspec.Struct):
    """A whole one, or a chunk."""

    id: str | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: msgspec.Raw = ABSENT
    service_tier: msgspec.Raw = ABSENT
    system_fingerprint: msgspec.Raw = ABSENT


class UrlCitation(msgspec.Struct):
    url: str
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class Annotation(msgspec.Struct):
    type: str | None = None
    url_citation: UrlCitation | None = None


BESIDE: Final = Beside(
    {
        "moderation": None,
        "prompt_filter_results": None,  # Azure's, as the next
        "choices": {"content_filter_results": None, "stop_reason": None, "message": {"executed_tools": None}},
        "citations": None,  # Perplexity's and xAI's, as the next
        "search_results": None,
        "related_questions": None,
        "prompt_logprobs": None,  # vLLM's
    }
)

answers: Final = msgspec.json.Decoder(ChatAnswer)
annotations: Final = msgspec.json.Decoder(Annotation)
