"""What a conversation says of the answer that it wants, as `generationConfig`."""

from typing import Any, Final

from fastgate.domain.conversation import Conversation, Effort, Reasoning, Tool
from fastgate.wire.gemini.models import FIXED_SAMPLING, GEMINI_3, THINKING, generation, thinking_budgets
from fastgate.wire.interface import Losses, Target

Member = dict[str, Any]

MAX_STOPS: Final = 5
_INT32: Final = range(-(1 << 31), 1 << 31)

# "OpenAI compatibility" of the Gemini API's documentation has these.
_BUDGETS: Final = {
    Effort.MINIMAL: 1_024,
    Effort.LOW: 1_024,
    Effort.MEDIUM: 8_192,
    Effort.HIGH: 24_576,
}
_LEVELS: Final = {
    Effort.MINIMAL: "MINIMAL",
    Effort.LOW: "LOW",
    Effort.MEDIUM: "MEDIUM",
    Effort.HIGH: "HIGH",
}
_BEYOND: Final = (Effort.XHIGH, Effort.MAX)


def generation_config(conversation: Conversation, target: Target, losses: Losses) -> Member:
    """All that is said; an empty object where nothing is."""
    version = generation(target.model)
    said: Member = {
        "temperature": conversation.temperature,
        "topP": conversation.top_p,
        "topK": conversation.top_k,
        "candidateCount": conversation.n,
        "maxOutputTokens": conversation.max_output_tokens if target.cap is None else target.cap,
        "responseLogprobs": conversation.logprobs,
        "logprobs": conversation.top_logprobs,
    }
    penalties = {
        "frequencyPenalty": ("frequency_penalty", conversation.frequency_penalty),
        "presencePenalty": ("presence_penalty", conversation.presence_penalty),
    }
    for name, (called, value) in penalties.items():
        if version < FIXED_SAMPLING:
            said[name] = value
        elif value:
            losses.drop(called)
    if conversation.seed is None or conversation.seed in _INT32:
        said["seed"] = conversation.seed
    else:
        losses.drop("seed")
    if conversation.stop:
        said["stopSequences"] = conversation.stop[:MAX_STOPS]
        for index in range(MAX_STOPS, len(conversation.stop)):
            losses.drop(f"stop[{index}]")
    _put_schema(conversation, version, said, losses)
    if conversation.reasoning is not None:
        said["thinkingConfig"] = _thinking_config(conversation.reasoning, target.model, losses) or None
    return {name: value for name, value in said.items() if value is not None}


def _put_schema(conversation: Conversation, version: tuple[int, int], said: Member, losses: Losses) -> None:
    schema = conversation.output_schema
    if schema is None:
        return
    if version < GEMINI_3 and any(isinstance(tool, Tool) for tool in conversation.tools):
        losses.drop("response_format")  # refused beside functions
        return
    said["responseMimeType"] = "application/json"
    if schema.schema is not None:
        said["responseJsonSchema"] = schema.schema


def _thinking_config(reasoning: Reasoning, model: str, losses: Losses) -> Member:
    version = generation(model)
    if version < THINKING:
        if not (reasoning.off or reasoning.effort is Effort.NONE):
            losses.drop("reasoning_effort" if reasoning.effort else "thinking")
        return {}
    said: Member = {}
    if reasoning.shown is not None:
        said["includeThoughts"] = reasoning.shown
    if reasoning.budget_tokens is not None or version < GEMINI_3:
        budget = _budget(reasoning, model, version, losses)
        if budget is not None:
            said["thinkingBudget"] = budget
    else:
        level = _level(reasoning, losses)
        if level is not None:
            said["thinkingLevel"] = level
    return said


def _level(reasoning: Reasoning, losses: Losses) -> str | None:
    """Thinking cannot be switched off any more; the lowest level comes next to it."""
    if reasoning.off or reasoning.effort is Effort.NONE:
        losses.drop("thinking" if reasoning.off else "reasoning_effort")
        return "MINIMAL"
    if reasoning.effort in _BEYOND:
        losses.drop("reasoning_effort")
        return "HIGH"
    return None if reasoning.effort is None else _LEVELS[reasoning.effort]


def _budget(reasoning: Reasoning, model: str, version: tuple[int, int], losses: Losses) -> int | None:
    """Tokens, 0 for none, -1 for as many as the model sees fit."""
    if reasoning.adaptive:
        return -1
    off = reasoning.off or reasoning.effort is Effort.NONE
    if reasoning.effort in _BEYOND:
        losses.drop("reasoning_effort")
        wanted = _BUDGETS[Effort.HIGH]
    elif off:
        wanted = 0
    elif reasoning.budget_tokens is not None:
        wanted = reasoning.budget_tokens
    elif reasoning.effort is not None:
        wanted = _BUDGETS[reasoning.effort]
    else:
        return None
    if version >= GEMINI_3:
        return wanted
    least, most = thinking_budgets(model)
    allowed = min(max(wanted, least), most)
    if allowed != wanted and (off or reasoning.budget_tokens is not None):
        losses.drop("reasoning_effort" if reasoning.effort else "thinking")
    return allowed
