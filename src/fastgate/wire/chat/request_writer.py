"""A conversation, written for a server of chat completions: OpenAI's, or one that speaks its dialect."""

from typing import Any, Final

from fastgate.domain.conversation import (
    Choosing,
    Conversation,
    Effort,
    Foreign,
    Reasoning,
    Schema,
    Tool,
    ToolChoice,
)
from fastgate.domain.format import Format
from fastgate.wire.chat.message_writer import cache_control, write_messages
from fastgate.wire.chat.models import Traits, traits
from fastgate.wire.interface import Losses, Target
from fastgate.wire.tools import only_tools
from fastgate.wire.unsaid import drop_extra, drop_unsaid, written, written_budget

_TIERS: Final = frozenset({"auto", "default", "flex", "scale", "priority", "fast"})
_AS_THEY_ARE: Final = (
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "seed",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "verbosity",
    "user",
    "prompt_cache_key",
)
_LOW_BUDGET: Final = 4_096
_HIGH_BUDGET: Final = 16_384


def write_request(request: Conversation, target: Target, losses: Losses) -> dict[str, Any]:
    """As `ProviderFormat.write_request`."""
    model = traits(target.model)
    body: dict[str, Any] = {"model": target.model, "messages": write_messages(request, model, losses)}
    if target.stream:
        body["stream"] = True
        if target.ask_usage:
            body["stream_options"] = {"include_usage": True}
    cap = request.max_output_tokens if target.cap is None else target.cap
    if cap is not None:
        body[target.output_cap] = cap
    for name in _AS_THEY_ARE:
        value = getattr(request, name)
        if value is not None:
            body[name] = value
    if request.stop:
        body["stop"] = list(request.stop)
    if request.output_schema is not None:
        body["response_format"] = _response_format(request.output_schema)
    if request.reasoning is not None:
        _write_reasoning(request, request.reasoning, model, body, losses)
    if request.service_tier in _TIERS:
        body["service_tier"] = request.service_tier
    else:
        drop_unsaid(request, losses, "service_tier")
    _write_keeping(request, body, losses)
    drop_unsaid(request, losses, "top_k")
    _write_tools(request, model, body, losses)
    return body


def _write_keeping(request: Conversation, body: dict[str, Any], losses: Losses) -> None:
    """To be stored means something else in every format, and metadata needs it here."""
    if request.format is Format.CHAT:
        if request.store is not None:
            body["store"] = request.store
        if request.metadata is not None:
            body["metadata"] = request.metadata
    else:
        drop_unsaid(request, losses, "store", "metadata")


def _response_format(schema: Schema) -> dict[str, Any]:
    if schema.schema is None and schema.name is None:
        return {"type": "json_object"}
    said: dict[str, Any] = {"name": schema.name or "answer"}
    if schema.description is not None:
        said["description"] = schema.description
    if schema.schema is not None:
        said["schema"] = schema.schema
    if schema.strict is not None:
        said["strict"] = schema.strict
    return {"type": "json_schema", "json_schema": said}


def _write_reasoning(
    request: Conversation, wish: Reasoning, model: Traits, body: dict[str, Any], losses: Losses
) -> None:
    """A budget becomes the effort that is nearest to it, and is named: it is a bound no more."""
    effort = wish.effort
    if effort is None and wish.budget_tokens is not None:
        effort = _effort_of(wish.budget_tokens)
        losses.drop(written_budget(request))
    if effort is not None and model.reasons:
        body["reasoning_effort"] = effort.value
    elif effort not in (None, Effort.NONE) or (wish.off and model.reasons):
        losses.drop(written(request, "reasoning"))


def _effort_of(budget_tokens: int) -> Effort:
    if budget_tokens < _LOW_BUDGET:
        return Effort.LOW
    return Effort.MEDIUM if budget_tokens < _HIGH_BUDGET else Effort.HIGH


def _write_tools(request: Conversation, model: Traits, body: dict[str, Any], losses: Losses) -> None:
    """A choice without tools is an error to servers, so it goes with them."""
    choice = request.tool_choice
    only = only_tools(choice)  # `allowed_tools` is known to OpenAI alone
    tools: list[Any] = []
    for index, tool in enumerate(request.tools):
        if isinstance(tool, Tool):
            if not only or tool.name in only:
                tools.append(_tool(tool, index, request, model, losses))
        elif tool.format is Format.CHAT:
            if not only:
                tools.append(tool.raw)
        else:
            losses.drop(f"tools[{index}]")
    if not tools:
        if choice is not None and choice.choosing is Choosing.REQUIRED:
            losses.drop(written(request, "tool_choice"))
        return
    body["tools"] = tools
    if choice is not None:
        body["tool_choice"] = choice.choosing.value if only else _tool_choice(choice, request.tools)
    if request.parallel_tools is not None:
        body["parallel_tool_calls"] = request.parallel_tools


def _tool(tool: Tool, index: int, request: Conversation, model: Traits, losses: Losses) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.custom:
        if tool.parameters is not None:
            said["format"] = tool.parameters
        out: dict[str, Any] = {"type": "custom", "custom": said}
    else:
        if tool.parameters is not None:
            said["parameters"] = tool.parameters
        if tool.strict is not None:
            said["strict"] = tool.strict
        out = {"type": "function", "function": said}
    if tool.cache is not None:
        if model.cache_control:
            out["cache_control"] = cache_control(tool.cache)
        else:
            losses.drop(f"tools[{index}].cache_control")
    if request.format is Format.CHAT:
        out.update(tool.extra)
    else:
        drop_extra(tool, f"tools[{index}]", losses)
    return out


def _tool_choice(choice: ToolChoice, tools: tuple[Tool | Foreign, ...]) -> str | dict[str, Any]:
    if choice.choosing is not Choosing.REQUIRED or not choice.names:
        return choice.choosing.value
    name = choice.names[0]
    custom = any(isinstance(tool, Tool) and tool.custom and tool.name == name for tool in tools)
    kind = "custom" if custom else "function"
    return {"type": kind, kind: {"name": name}}
