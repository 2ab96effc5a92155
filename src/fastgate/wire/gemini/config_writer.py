"""What a conversation says of the answer that it wants, as `generationConfig`."""

from typing import Any, Final

from fastgate.domain.conversation import Conversation, Effort, Reasoning, Tool
from fastgate.wire.gemini.models import FIXED_SAMPLING, GEMINI_3, THINKING, generation, thinking_budgets
from fastgate.wire.interface import Losses, Target
from fastgate.wire.unsaid import drop_unsaid, written

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
    if version < FIXED_SAMPLING:
        said["frequencyPenalty"] = conversation.frequency_penalty
        said["presencePenalty"] = conversation.presence_penalty
    else:
        drop_unsaid(conversation, losses, "frequency_penalty", "presence_penalty")
    if conversation.seed is None or conversation.seed in _INT32:
        said["seed"] = conversation.seed
    else:
        losses.drop(written(conversation, "seed"))
    if conversation.stop:
        said["stopSequences"] = conversation.stop[:MAX_STOPS]
        if len(conversation.stop) > MAX_STOPS:
            losses.drop(written(conversation, "stop"))
    _put_schema(conversation, version, said, losses)
    if conversation.reasoning is not None:
        said["thinkingConfig"] = _Thinking(conversation, target.model, losses).config() or None
    return {name: value for name, value in said.items() if value is not None}


def _put_schema(conversation: Conversation, version: tuple[int, int], said: Member, losses: Losses) -> None:
    schema = conversation.output_schema
    if schema is None:
        return
    if version < GEMINI_3 and any(isinstance(tool, Tool) for tool in conversation.tools):
        losses.drop(written(conversation, "output_schema"))  # refused beside functions
        return
    said["responseMimeType"] = "application/json"
    if schema.schema is not None:
        said["responseJsonSchema"] = schema.schema


class _Thinking:
    """Of one request for one model."""

    def __init__(self, conversation: Conversation, model: str, losses: Losses) -> None:
        self._wish = conversation.reasoning or Reasoning()
        self._off = self._wish.off or self._wish.effort is Effort.NONE
        self._model = model
        self._version = generation(model)
        self._name = written(conversation, "reasoning")
        self._losses = losses

    def config(self) -> Member:
        wish = self._wish
        if self._version < THINKING:
            if not self._off:
                self._losses.drop(self._name)
            return {}
        said: Member = {}
        if wish.shown is not None:
            said["includeThoughts"] = wish.shown
        if wish.budget_tokens is not None or self._version < GEMINI_3:
            budget = self._budget()
            if budget is not None:
                said["thinkingBudget"] = budget
        else:
            level = self._level()
            if level is not None:
                said["thinkingLevel"] = level
        return said

    def _level(self) -> str | None:
        """Thinking cannot be switched off any more; the lowest level comes next to it."""
        effort = self._wish.effort
        if self._off:
            self._losses.drop(self._name)
            return "MINIMAL"
        if effort in _BEYOND:
            self._losses.drop(self._name)
            return "HIGH"
        return None if effort is None else _LEVELS[effort]

    def _budget(self) -> int | None:
        """Tokens, 0 for none, -1 for as many as the model sees fit."""
        wish = self._wish
        if wish.adaptive:
            return -1
        if wish.effort in _BEYOND:
            self._losses.drop(self._name)
            wanted = _BUDGETS[Effort.HIGH]
        elif self._off:
            wanted = 0
        elif wish.budget_tokens is not None:
            wanted = wish.budget_tokens
        elif wish.effort is not None:
            wanted = _BUDGETS[wish.effort]
        else:
            return None
        if self._version >= GEMINI_3:
            return wanted
        least, most = thinking_budgets(self._model)
        allowed = min(max(wanted, least), most)
        if allowed != wanted and (self._off or wish.budget_tokens is not None):
            self._losses.drop(self._name)
        return allowed
