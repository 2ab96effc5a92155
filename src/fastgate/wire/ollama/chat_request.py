"""A conversation as a request for Ollama's chat."""

from typing import Any, Final

from fastgate.domain.conversation import Choosing, Conversation, Effort, Tool
from fastgate.wire.interface import Losses, Target
from fastgate.wire.ollama.chat_messages import write_messages
from fastgate.wire.tools import NO_PARAMETERS
from fastgate.wire.unsaid import drop_marks, drop_unsaid, written

_OPTIONS: Final = (
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
    ("seed", "seed"),
)
_LEVELS: Final = {
    Effort.MINIMAL: Effort.LOW,
    Effort.LOW: Effort.LOW,
    Effort.MEDIUM: Effort.MEDIUM,
    Effort.HIGH: Effort.HIGH,
    Effort.XHIGH: Effort.HIGH,
    Effort.MAX: Effort.HIGH,
}
"""The nearest that there is. Models that know no levels take each for yes."""


def write_request(request: Conversation, target: Target, losses: Losses) -> dict[str, Any]:
    """As `ProviderFormat.write_request`."""
    body: dict[str, Any] = {
        "model": target.model,
        "messages": write_messages(request, losses),
        "stream": target.stream,  # which is the default here
    }
    tools = _tools(request, losses)
    if tools:
        body["tools"] = tools
    if options := _options(request, target):
        body["options"] = options
    schema = request.output_schema
    if schema is not None:
        body["format"] = "json" if schema.schema is None else schema.schema
        if schema.description is not None:
            losses.drop(f"{written(request, 'output_schema')}.description")
    think = _think(request, losses)
    if think is not None:
        body["think"] = think
    if request.logprobs:
        body["logprobs"] = True
        if request.top_logprobs:
            body["top_logprobs"] = request.top_logprobs
    drop_unsaid(
        request,
        losses,
        "parallel_tools",
        "n",
        "logit_bias",
        "verbosity",
        "service_tier",
        "user",
        "metadata",
        "store",
        "prompt_cache_key",
    )
    return body


def _options(request: Conversation, target: Target) -> dict[str, Any]:
    options = {name: value for field, name in _OPTIONS if (value := getattr(request, field)) is not None}
    cap = request.max_output_tokens if target.cap is None else target.cap
    if cap is not None:
        options["num_predict"] = cap
    if request.stop:
        options["stop"] = list(request.stop)
    return options


def _tools(request: Conversation, losses: Losses) -> list[dict[str, Any]]:
    """Those that the model may call. There is no choosing: what may not be called is left out, and that one
    must be cannot be said."""
    choice = request.tool_choice
    if choice is not None and choice.choosing is Choosing.REQUIRED:
        losses.drop(written(request, "tool_choice"))
    if choice is not None and choice.choosing is Choosing.NONE:
        return []
    named = choice.names if choice is not None else ()
    kept: list[dict[str, Any]] = []
    for index, tool in enumerate(request.tools):
        if not isinstance(tool, Tool) or tool.custom:
            losses.drop(f"tools[{index}]")
        elif not named or tool.name in named:
            kept.append(_tool(tool))
            drop_marks(tool, f"tools[{index}]", losses)
            if tool.strict:
                losses.drop(f"tools[{index}].strict")
    return kept


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or NO_PARAMETERS}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _think(request: Conversation, losses: Losses) -> bool | str | None:
    wish = request.reasoning
    if wish is None:
        return None
    if wish.off or wish.effort is Effort.NONE:
        return False
    if wish.budget_tokens is not None:
        losses.drop(written(request, "reasoning"))
    if wish.effort is None:
        # A model that cannot think refuses to be asked, and one that can does so unasked.
        return True if wish.budget_tokens is not None else None
    level = _LEVELS[wish.effort]
    if level is not wish.effort:
        losses.drop(written(request, "reasoning"))
    return level.value
