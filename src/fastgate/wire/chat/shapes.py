"""Requests for chat completions, as far as they have a neutral meaning. Unknown members are let be.

Source: the parameter types of openai-python 3. A field that only other gateways and vendors know has its
origin beside it.
"""

from typing import Any, Literal

import msgspec

from fastgate.domain.conversation import Effort

ABSENT = msgspec.Raw()


class CacheControl(msgspec.Struct):
    """Anthropic's, as LiteLLM and OpenRouter take it."""

    ttl: Literal["5m", "1h"] | None = None


class CacheBreakpoint(msgspec.Struct):
    ttl: str | None = None


class ImageUrl(msgspec.Struct):
    url: str
    detail: str | None = None


class VideoUrl(msgspec.Struct):
    url: str


class InputAudio(msgspec.Struct):
    data: str
    format: str


class File(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class ContentPart(msgspec.Struct):
    """`video_url` is vLLM's and OpenRouter's; that `image_url` may be a string, too."""

    type: str
    text: str | None = None
    image_url: ImageUrl | str | None = None
    input_audio: InputAudio | None = None
    file: File | None = None
    video_url: VideoUrl | None = None
    refusal: str | None = None
    prompt_cache_breakpoint: CacheBreakpoint | None = None
    cache_control: CacheControl | None = None


class FunctionCall(msgspec.Struct):
    name: str
    arguments: str


class CustomCall(msgspec.Struct):
    name: str
    input: str


class GoogleContent(msgspec.Struct):
    thought_signature: str | None = None


class ExtraContent(msgspec.Struct):
    """Google's, of its OpenAI-compatible endpoint."""

    google: GoogleContent | None = None


class ToolCall(msgspec.Struct):
    id: str
    type: str = "function"
    function: FunctionCall | None = None
    custom: CustomCall | None = None
    extra_content: ExtraContent | None = None
    cache_control: CacheControl | None = None


class ThinkingBlock(msgspec.Struct):
    """LiteLLM's, in the shape of Anthropic's blocks."""

    type: Literal["thinking", "redacted_thinking"]
    thinking: str = ""
    signature: str | None = None
    data: str | None = None


class ChatMessage(msgspec.Struct):
    """`reasoning_content` is DeepSeek's and vLLM's, `reasoning` OpenRouter's."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    name: str | None = None
    refusal: str | None = None
    audio: msgspec.Raw = ABSENT
    tool_calls: list[ToolCall] | None = None
    function_call: FunctionCall | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    thinking_blocks: list[ThinkingBlock] | None = None
    cache_control: CacheControl | None = None


class Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class CustomTool(msgspec.Struct):
    name: str
    description: str | None = None
    format: msgspec.Raw = ABSENT


class ChatTool(msgspec.Struct):
    type: str
    function: Function | None = None
    custom: CustomTool | None = None
    cache_control: CacheControl | None = None


class Named(msgspec.Struct):
    name: str


class AllowedTool(msgspec.Struct):
    function: Named | None = None
    custom: Named | None = None


class AllowedTools(msgspec.Struct):
    mode: Literal["auto", "required"]
    tools: list[AllowedTool]


class NamedChoice(msgspec.Struct):
    type: Literal["function", "custom", "allowed_tools"]
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchema(msgspec.Struct):
    name: str | None = None
    description: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None


class ResponseFormat(msgspec.Struct):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class ThinkingConfig(msgspec.Struct):
    """Anthropic's."""

    type: Literal["enabled", "disabled", "adaptive"]
    budget_tokens: int | None = None
    display: Literal["summarized", "omitted"] | None = None


class ChatRequest(msgspec.Struct):
    """`model`, `stream`, `stream_options` and `fallbacks` are read elsewhere (`wire.envelope`)."""

    messages: list[ChatMessage]
    model: msgspec.Raw = ABSENT
    stream: msgspec.Raw = ABSENT
    stream_options: msgspec.Raw = ABSENT
    fallbacks: msgspec.Raw = ABSENT
    tools: list[msgspec.Raw] | None = None
    tool_choice: Literal["none", "auto", "required", "any"] | NamedChoice | None = None
    functions: list[Function] | None = None
    function_call: Literal["none", "auto"] | Named | None = None
    parallel_tool_calls: bool | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: Effort | None = None
    thinking: ThinkingConfig | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    prompt_cache_key: str | None = None
    provider_options: dict[str, dict[str, msgspec.Raw]] | None = None
