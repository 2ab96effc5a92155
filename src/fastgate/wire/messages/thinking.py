"""How a model is told to think: `thinking` and `output_config.effort`, as far as the model takes them."""

from typing import Any, Final

from fastgate.domain.conversation import (
    Choosing,
    Conversation,
    Effort,
    Message,
    Reasoning,
    Role,
    Thinking,
    ToolResult,
    ToolUse,
)
from fastgate.wire.interface import Losses
from fastgate.wire.messages.models import Traits
from fastgate.wire.messages.seal import FAMILY
from fastgate.wire.unsaid import written, written_budget

MIN_BUDGET: Final = 1_024

_BUDGETS: Final = {
    Effort.MINIMAL: MIN_BUDGET,
    Effort.LOW: 2_048,
    Effort.MEDIUM: 8_192,
    Effort.HIGH: 16_384,
    Effort.XHIGH: 32_768,
    Effort.MAX: 32_768,
}
"""Thinking tokens for models that know no effort."""


class Thoughts:
    """What `thinking` and `output_config.effort` are to be, None for neither. What cannot be said of the
    client's wish is in `losses`."""

    __slots__ = ("_effort_name", "_family", "_losses", "_name", "_request", "effort", "thinking")

    def __init__(self, request: Conversation, traits: Traits, max_tokens: int, losses: Losses) -> None:
        self.thinking: dict[str, Any] | None = None
        self.effort: str | None = None
        self._request = request
        self._losses = losses
        self._family = request.format in FAMILY
        self._name = written(request, "reasoning")
        self._effort_name = "output_config.effort" if self._family else self._name
        if request.reasoning is not None:
            self._plan(request.reasoning, traits, max_tokens)

    @property
    def on(self) -> bool:
        return self.thinking is not None and self.thinking["type"] != "disabled"

    def _plan(self, wish: Reasoning, traits: Traits, max_tokens: int) -> None:
        effort = wish.effort
        if effort is not None and effort is not Effort.NONE:
            self._say_effort(effort, traits)
        # An effort alone asks for thinking everywhere but here, where it has a field of its own.
        asked = wish.adaptive or wish.budget_tokens is not None or (effort is not None and not self._family)
        if wish.off or effort is Effort.NONE:
            self._switch_off(traits)
        elif not asked:
            return
        elif self._forces_a_tool() or not (traits.adaptive or traits.budgets):
            # A call that was promised is worth more than how it was thought about.
            self._losses.drop(self._name)
        elif traits.adaptive and (wish.budget_tokens is None or not traits.budgets):
            if wish.budget_tokens is not None:
                self._losses.drop(written_budget(self._request))
            self._think({"type": "adaptive"}, wish)
        else:
            self._think_within(wish, max_tokens)

    def _say_effort(self, effort: Effort, traits: Traits) -> None:
        """The level, or the nearest one below that the model has."""
        level = Effort.LOW if effort is Effort.MINIMAL else effort
        if level in traits.efforts:
            self.effort = level.value
        elif traits.efforts:
            self.effort = Effort.HIGH.value
            self._losses.drop(self._effort_name)
        elif self._family:
            self._losses.drop(self._effort_name)

    def _switch_off(self, traits: Traits) -> None:
        if traits.always:
            self._losses.drop(self._name)
        elif traits.adaptive or traits.budgets:
            self.thinking = {"type": "disabled"}

    def _think_within(self, wish: Reasoning, max_tokens: int) -> None:
        """A client's own budget may take all but one token, one that stands for an effort half of them."""
        if wish.budget_tokens is not None:
            budget = min(max(wish.budget_tokens, MIN_BUDGET), max_tokens - 1)
            if budget != wish.budget_tokens:
                self._losses.drop(written_budget(self._request))
        else:
            budget = min(_BUDGETS[wish.effort or Effort.HIGH], max_tokens // 2)
        if budget < MIN_BUDGET or (not self._family and _answers_tools_unthinking(self._request.messages)):
            self._losses.drop(self._name)
        else:
            self._think({"type": "enabled", "budget_tokens": budget}, wish)

    def _think(self, thinking: dict[str, Any], wish: Reasoning) -> None:
        self.thinking = thinking
        if wish.shown is not None:
            thinking["display"] = "summarized" if wish.shown else "omitted"

    def _forces_a_tool(self) -> bool:
        choice = self._request.tool_choice
        return choice is not None and choice.choosing is Choosing.REQUIRED and bool(self._request.tools)


def _answers_tools_unthinking(messages: tuple[Message, ...]) -> bool:
    """Whether the turn that goes on has called tools without thinking blocks: with a budget the API wants the
    turn to begin with one, which a client of another format has not kept."""
    begun: Message | None = None
    for message in reversed(messages):
        if message.role is Role.ASSISTANT:
            if not any(isinstance(part, ToolUse) for part in message.parts):
                break
            begun = message
        elif message.role is Role.USER and not any(isinstance(part, ToolResult) for part in message.parts):
            break
    if begun is None:
        return False
    return not any(isinstance(part, Thinking) and part.format in FAMILY for part in begun.parts)
