"""Requests of the Responses API, as far as they have a neutral meaning. Unknown members are let be.

Source: the parameter types of openai-python 3.
"""

from typing import Any, Final, Literal

import msgspec

from fastgate.domain.conversation import Conversation, Effort

ABSENT: Final = msgspec.Raw()


class ResponsesConversation(Conversation, kw_only=True):
    """`echo` are the members that a response repeats, as the client wrote them. `kept` are all input items,
    as JSON, where the gateway stores them with the response (`responses.store_translated`)."""

    echo: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    kept: bytes | None = None


class Format(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None


class TextConfig(msgspec.Struct):
    format: Format | None = None
    verbosity: str | None = None


class ReasoningConfig(msgspec.Struct):
    """`generate_summary` is what `summary` was called first."""

    effort: Effort | None = None
    summary: str | None = None
    generate_summary: str | None = None


class Allowed(msgspec.Struct):
    """Tools that OpenAI hosts have a type and no name."""

    type: str | None = None
    name: str | None = None


class StreamOptions(msgspec.Struct):
    include_obfuscation: bool | None = None


class Choice(msgspec.Struct):
    type: str
    name: str | None = None
    mode: Literal["auto", "required"] | None = None
    tools: list[Allowed] | None = None


class ResponsesRequest(msgspec.Struct):
    """`model`, `stream` and `fallbacks` are read elsewhere (`wire.envelope`). The penalties are those of Open
    Responses."""

    input: str | list[msgspec.Raw] | None = None
    model: msgspec.Raw = ABSENT
    stream: msgspec.Raw = ABSENT
    stream_options: StreamOptions | None = None
    fallbacks: msgspec.Raw = ABSENT
    instructions: str | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: Literal["none", "auto", "required"] | Choice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    top_logprobs: int | None = None
    include: list[str] | None = None
    text: TextConfig | None = None
    reasoning: ReasoningConfig | None = None
    service_tier: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    prompt_cache_key: str | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: msgspec.Raw = ABSENT
    prompt: msgspec.Raw = ABSENT
    provider_options: dict[str, dict[str, msgspec.Raw]] | None = None


class Kind(msgspec.Struct):
    """What an item or a part is; a message needs not say it."""

    type: str | None = None
    role: str | None = None


class Breakpoint(msgspec.Struct):
    ttl: str | None = None


class InputAudio(msgspec.Struct):
    data: str
    format: str


class Annotation(msgspec.Struct):
    url: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class TextPart(msgspec.Struct):
    text: str
    annotations: list[msgspec.Raw] | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class RefusalPart(msgspec.Struct):
    refusal: str


class ImagePart(msgspec.Struct):
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class FilePart(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None
    file_url: str | None = None
    filename: str | None = None
    prompt_cache_breakpoint: Breakpoint | None = None


class AudioPart(msgspec.Struct):
    input_audio: InputAudio


class MessageItem(msgspec.Struct):
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[msgspec.Raw]


class FunctionCall(msgspec.Struct):
    call_id: str
    name: str
    arguments: str


class CustomCall(msgspec.Struct):
    call_id: str
    name: str
    input: str


class CallOutput(msgspec.Struct):
    call_id: str
    output: str | list[msgspec.Raw]
    name: str | None = None


class ReasoningText(msgspec.Struct):
    text: str


class ReasoningItem(msgspec.Struct):
    summary: list[ReasoningText] | None = None
    content: list[ReasoningText] | None = None
    encrypted_content: str | None = None


class FunctionTool(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class Grammar(msgspec.Struct):
    type: str
    syntax: str | None = None
    definition: str | None = None


class CustomTool(msgspec.Struct):
    name: str
    description: str | None = None
    format: Grammar | None = None
