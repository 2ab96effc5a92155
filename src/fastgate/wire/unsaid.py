"""What a request says that a format has no words for, by the names that its client wrote."""

from collections.abc import Mapping
from typing import Any, Final

from fastgate.domain.conversation import Conversation, Tool
from fastgate.domain.format import Format
from fastgate.wire.interface import Losses

_MESSAGES: Final = {
    "parallel_tools": "tool_choice.disable_parallel_tool_use",
    "max_output_tokens": "max_tokens",
    "stop": "stop_sequences",
    "output_schema": "output_config.format",
    "reasoning": "thinking",
    "user": "metadata.user_id",
}

_NAMES: Final[Mapping[Format, Mapping[str, str]]] = {
    Format.RESPONSES: {
        "parallel_tools": "parallel_tool_calls",
        "logprobs": "include",
        "output_schema": "text.format",
        "verbosity": "text.verbosity",
    },
    Format.MESSAGES: _MESSAGES,
    Format.INVOKE: _MESSAGES,
    Format.GENERATE_CONTENT: {
        "tool_choice": "toolConfig",
        "max_output_tokens": "generationConfig.maxOutputTokens",
        "temperature": "generationConfig.temperature",
        "top_p": "generationConfig.topP",
        "top_k": "generationConfig.topK",
        "frequency_penalty": "generationConfig.frequencyPenalty",
        "presence_penalty": "generationConfig.presencePenalty",
        "seed": "generationConfig.seed",
        "stop": "generationConfig.stopSequences",
        "n": "generationConfig.candidateCount",
        "logprobs": "generationConfig.responseLogprobs",
        "top_logprobs": "generationConfig.logprobs",
        "output_schema": "generationConfig.responseJsonSchema",
        "reasoning": "generationConfig.thinkingConfig",
        "metadata": "labels",
    },
    Format.CONVERSE: {
        "reasoning": "additionalModelRequestFields.thinking",
        "top_k": "additionalModelRequestFields.top_k",
        "tool_choice": "toolConfig.toolChoice",
        "max_output_tokens": "inferenceConfig.maxTokens",
        "temperature": "inferenceConfig.temperature",
        "top_p": "inferenceConfig.topP",
        "stop": "inferenceConfig.stopSequences",
        "output_schema": "outputConfig.textFormat",
        "metadata": "requestMetadata",
    },
}
_CHAT: Final[Mapping[str, str]] = {
    "parallel_tools": "parallel_tool_calls",
    "max_output_tokens": "max_completion_tokens",
    "output_schema": "response_format",
    "reasoning": "reasoning_effort",
}

_NOTHING: Final[Mapping[str, tuple[Any, ...]]] = {
    "parallel_tools": (True,),
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "service_tier": ("auto", "default"),
    "store": (False,),
}
"""Values that ask for no more than what a provider does anyway."""


def written(request: Conversation, field: str) -> str:
    """What the client calls a field of `Conversation`."""
    if field == "reasoning" and request.format is Format.CHAT and request.reasoning is not None:
        return "thinking" if request.reasoning.effort is None else "reasoning_effort"
    return _NAMES.get(request.format, _CHAT).get(field, field)


def written_budget(request: Conversation) -> str:
    """What the client calls `Reasoning.budget_tokens`."""
    name = "thinkingBudget" if request.format is Format.GENERATE_CONTENT else "budget_tokens"
    return f"{written(request, 'reasoning')}.{name}"


def drop_unsaid(request: Conversation, losses: Losses, *fields: str) -> None:
    """Those of `fields` that ask for something."""
    for field in fields:
        value = getattr(request, field)
        if value not in (None, (), {}) and value not in _NOTHING.get(field, ()):
            losses.drop(written(request, field))


def drop_extra(tool: Tool, at: str, losses: Losses) -> None:
    """What the client's format alone says of a tool."""
    for name in tool.extra:
        losses.drop(f"{at}.{name}")


def drop_marks(tool: Tool, at: str, losses: Losses) -> None:
    """What is said of a tool beside the tool itself."""
    if tool.cache is not None:
        losses.drop(f"{at}.cache_control")
    drop_extra(tool, at, losses)
