"""A conversation as a request for Cohere's chat."""

from collections.abc import Sequence
from typing import Any, Final

from fastgate.domain.conversation import Choosing, Conversation, Effort, Tool
from fastgate.wire.cohere.chat_messages import MessageWriter
from fastgate.wire.interface import Losses, Target
from fastgate.wire.tools import NO_PARAMETERS
from fastgate.wire.unsaid import drop_marks, drop_unsaid, written

MAX_STOPS: Final = 5

_RANGES: Final = (
    ("temperature", "temperature", 0.0, 1.0),
    ("top_p", "p", 0.01, 0.99),
    ("top_k", "k", 0, 500),
)
"""Field, its name at Cohere, and what it may be: beyond it the nearest value is meant."""
_CHOICES: Final = {Choosing.REQUIRED: "REQUIRED", Choosing.NONE: "NONE"}
_PENALTIES: Final = ("frequency_penalty", "presence_penalty")


def write_request(request: Conversation, target: Target, losses: Losses) -> dict[str, Any]:
    """As `ProviderFormat.write_request`."""
    writer = MessageWriter(request, losses)
    body: dict[str, Any] = {"model": target.model, "messages": writer.messages, "stream": target.stream}
    if writer.documents:
        body["documents"] = writer.documents
    tools = _tools(request, losses)
    if tools:
        body["tools"] = [_tool(tool) for tool in tools]
        body |= _choice(request)
        body |= _strictness(request, tools, losses)
    elif request.tool_choice is not None and request.tool_choice.choosing is Choosing.REQUIRED:
        losses.drop(written(request, "tool_choice"))
    body |= _sampling(request, losses)
    cap = request.max_output_tokens if target.cap is None else target.cap
    if cap is not None:
        body["max_tokens"] = cap
    if request.stop:
        body["stop_sequences"] = list(request.stop[:MAX_STOPS])
        if len(request.stop) > MAX_STOPS:
            losses.drop(written(request, "stop"))
    if request.logprobs:
        body["logprobs"] = True
    body |= _output(request, losses)
    body |= _thinking(request, losses)
    drop_unsaid(
        request,
        losses,
        "parallel_tools",
        "n",
        "top_logprobs",
        "logit_bias",
        "verbosity",
        "service_tier",
        "user",
        "metadata",
        "store",
        "prompt_cache_key",
    )
    return body


def _sampling(request: Conversation, losses: Losses) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for field, name, least, most in _RANGES:
        value = getattr(request, field)
        if value is None:
            continue
        said[name] = min(max(value, least), most)
        if said[name] != value:
            losses.drop(written(request, field))
    for name in _PENALTIES:
        value = getattr(request, name)
        # Below 0 it would be a reward, for which Cohere has nothing.
        if value is not None and value >= 0:
            said[name] = min(value, 1.0)
        if value is not None and said.get(name) != value:
            losses.drop(written(request, name))
    if request.seed is not None:
        if request.seed >= 0:
            said["seed"] = request.seed
        else:
            losses.drop(written(request, "seed"))
    return said


def _tools(request: Conversation, losses: Losses) -> list[Tool]:
    """Those that the model may call: a choice among some of them is said by leaving out the others."""
    named = request.tool_choice.names if request.tool_choice is not None else ()
    kept: list[Tool] = []
    for index, tool in enumerate(request.tools):
        if not isinstance(tool, Tool) or tool.custom:
            losses.drop(f"tools[{index}]")
        elif not named or tool.name in named:
            kept.append(tool)
            drop_marks(tool, f"tools[{index}]", losses)
    return kept


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or NO_PARAMETERS}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _choice(request: Conversation) -> dict[str, Any]:
    """Nothing stands for `auto`."""
    chosen = _CHOICES.get(request.tool_choice.choosing) if request.tool_choice is not None else None
    return {} if chosen is None else {"tool_choice": chosen}


def _strictness(request: Conversation, tools: Sequence[Tool], losses: Losses) -> dict[str, Any]:
    """One switch for all tools, so that it is on where all want it."""
    if all(tool.strict for tool in tools):
        return {"strict_tools": True}
    for index, tool in enumerate(request.tools):
        if isinstance(tool, Tool) and tool.strict:
            losses.drop(f"tools[{index}].strict")
    return {}


def _output(request: Conversation, losses: Losses) -> dict[str, Any]:
    wanted = request.output_schema
    if wanted is None:
        return {}
    if wanted.description is not None:
        losses.drop(f"{written(request, 'output_schema')}.description")
    format_: dict[str, Any] = {"type": "json_object"}
    if wanted.schema is not None:
        format_["json_schema"] = wanted.schema
    return {"response_format": format_}


def _thinking(request: Conversation, losses: Losses) -> dict[str, Any]:
    """Models that can think do so unless they are told not to, and there are no degrees of it."""
    wish = request.reasoning
    if wish is None:
        return {}
    if wish.off or wish.effort is Effort.NONE:
        return {"thinking": {"type": "disabled"}}
    if wish.budget_tokens is not None and wish.budget_tokens > 0:
        return {"thinking": {"type": "enabled", "token_budget": wish.budget_tokens}}
    if wish.effort is not None and wish.effort is not Effort.HIGH:
        losses.drop(written(request, "reasoning"))
    return {}
