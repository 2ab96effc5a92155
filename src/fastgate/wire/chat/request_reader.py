"""A request for a chat completion, read into a `Conversation`.

Beside what OpenAI's API takes these are understood, for what other providers can do; a client's SDK sends
them by its `extra_body`:

| field | of whom | becomes |
|---|---|---|
| `top_k` | vLLM and others | `top_k` |
| `thinking` | Anthropic | `reasoning`: its budget, adaptive, off, display |
| `cache_control` on a part, message, tool, tool call | LiteLLM, OpenRouter | `cache` |
| `reasoning_content`, `reasoning` of an assistant's message | DeepSeek, OpenRouter | thinking, unsigned |
| `thinking_blocks` of an assistant's message | LiteLLM | thinking with its signatures, redacted thinking |
| `extra_content.google.thought_signature` of a tool call | Google | the call's `signature` |
| `video_url` parts | vLLM, OpenRouter | video |
| `tool_choice: "any"` | Mistral | required |
| `provider_options` | the gateway's own | `options` |

All other fields are kept as they were written (`extra`).
"""

from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Conversation, Effort, Places, Reasoning, Schema
from fastgate.domain.format import Format
from fastgate.wire.chat.known import UNREAD
from fastgate.wire.chat.message_reader import read_messages
from fastgate.wire.chat.shapes import ChatRequest, ResponseFormat
from fastgate.wire.chat.tool_reader import function_paths, read_choice, read_tools
from fastgate.wire.reading import is_absent, json_object, missing, read_fields

_requests: Final = msgspec.json.Decoder(ChatRequest)


class FunctionConversation(Conversation, kw_only=True):
    """Of a client that knows `functions` and no tools: its answer has a `function_call`."""


def read_request(body: bytes) -> Conversation:
    """GatewayError `missing_field`, `invalid_field`."""
    request, extra = read_fields(body, _requests)
    kind = Conversation
    parallel = request.parallel_tool_calls
    if request.functions and not request.tools:
        kind = FunctionConversation
        parallel = False  # there is room for one call
    stop = request.stop
    messages, places, unread = read_messages(request.messages, body)
    beside = {name: value for name, value in extra.items() if not is_absent(value)}
    return kind(
        format=Format.CHAT,
        messages=messages,
        tools=read_tools(request),
        tool_choice=read_choice(request),
        parallel_tools=parallel,
        max_output_tokens=_first(request.max_completion_tokens, request.max_tokens),
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        seed=request.seed,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        n=request.n,
        logprobs=request.logprobs,
        top_logprobs=request.top_logprobs,
        logit_bias=request.logit_bias,
        output_schema=_schema(request.response_format),
        reasoning=_reasoning(request),
        verbosity=request.verbosity,
        service_tier=request.service_tier,
        user=_first(request.user, request.safety_identifier),
        metadata=request.metadata,
        store=request.store,
        prompt_cache_key=request.prompt_cache_key,
        extra=beside | unread | UNREAD.of(body),
        options=request.provider_options or {},
        places=Places(parts=places, tools=function_paths(request)),
    )


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _schema(format_: ResponseFormat | None) -> Schema | None:
    if format_ is None or format_.type == "text":
        return None
    if format_.type == "json_object":
        return Schema()
    said = format_.json_schema or missing("response_format.json_schema")
    return Schema(
        # A schema that is left out allows any object.
        schema=json_object(said.schema, "response_format.json_schema.schema"),
        name=said.name,
        description=said.description,
        strict=said.strict,
    )


def _reasoning(request: ChatRequest) -> Reasoning | None:
    effort: Effort | None = request.reasoning_effort
    thinking = request.thinking
    if thinking is None:
        return None if effort is None else Reasoning(effort=effort)
    return Reasoning(
        effort=effort,
        budget_tokens=thinking.budget_tokens if thinking.type == "enabled" else None,
        adaptive=thinking.type == "adaptive",
        off=thinking.type == "disabled",
        shown=None if thinking.display is None else thinking.display == "summarized",
    )
