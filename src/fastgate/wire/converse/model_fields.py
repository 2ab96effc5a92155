"""What Converse itself has no field for and a family of models takes in `additionalModelRequestFields`.

Sources: Amazon's pages on the inference parameters of each family.
"""

from typing import Any, Final

import msgspec

from fastgate.domain.conversation import Effort, Reasoning
from fastgate.wire.converse.family import Family
from fastgate.wire.converse.writing import Writing
from fastgate.wire.messages.thinking import Thoughts

MODEL_FIELDS: Final = "additionalModelRequestFields"

_TOP_K: Final = {
    Family.CLAUDE: "top_k",
    Family.MISTRAL: "top_k",
    Family.COHERE: "k",
    Family.UNKNOWN: "top_k",
}
_THREE_EFFORTS: Final = {
    Effort.MINIMAL: "low",
    Effort.LOW: "low",
    Effort.MEDIUM: "medium",
    Effort.HIGH: "high",
    Effort.XHIGH: "high",
    Effort.MAX: "high",
}


class ModelFields:
    """Of one request. `members` are the fields; `thinks`: Claude is told to think, which excludes some other
    wishes."""

    def __init__(self, writing: Writing, max_tokens: int) -> None:
        request, family = writing.request, writing.family
        self.members: dict[str, Any] = {}
        self.thinks = False
        self._writing = writing
        if family is Family.CLAUDE or (family is Family.UNKNOWN and request.reasoning is not None):
            thoughts = Thoughts(request, writing.traits, max_tokens, writing.losses)
            self.thinks = thoughts.on
            if thoughts.thinking is not None:
                self.members["thinking"] = thoughts.thinking
            if thoughts.effort is not None:
                self.members["output_config"] = {"effort": thoughts.effort}
        elif request.reasoning is not None:
            self._reason(request.reasoning, family)
        if request.top_k is not None:
            self._limit(request.top_k, family)

    def _limit(self, top_k: int, family: Family) -> None:
        if family is Family.NOVA:
            self.members["inferenceConfig"] = {"topK": top_k}
        elif family in _TOP_K and not self.thinks:
            self.members[_TOP_K[family]] = top_k
        else:
            self._writing.lose("top_k")

    def _reason(self, wish: Reasoning, family: Family) -> None:
        off = wish.off or wish.effort is Effort.NONE
        effort = "low" if off else _THREE_EFFORTS.get(wish.effort or Effort.MEDIUM, "medium")
        if family is Family.NOVA:
            self.members["reasoningConfig"] = (
                {"type": "disabled"} if off else {"type": "enabled", "maxReasoningEffort": effort}
            )
        elif family is Family.GPT_OSS:
            self.members["reasoning_effort"] = effort
        elif family is Family.OPENAI:
            self.members["reasoning"] = {"effort": effort}
        elif not off:
            self._writing.lose("reasoning")


class _Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None
    display: str | None = None
    effort: str | None = None


class _Nova(msgspec.Struct):
    type: str
    maxReasoningEffort: str | None = None


class _TopK(msgspec.Struct):
    topK: int | None = None


class _Effort(msgspec.Struct):
    effort: str | None = None


class ReadFields(msgspec.Struct):
    """Those of a client that mean something to other providers too."""

    thinking: _Thinking | None = None
    reasoning_config: _Thinking | None = None
    reasoningConfig: _Nova | None = None
    reasoning_effort: str | None = None
    reasoning: _Effort | None = None
    output_config: _Effort | None = None
    top_k: int | None = None
    k: int | None = None
    inferenceConfig: _TopK | None = None

    def limit(self) -> int | None:
        if self.top_k is None and self.inferenceConfig is not None:
            return self.inferenceConfig.topK
        return self.k if self.top_k is None else self.top_k

    def wish(self, effort: str | None) -> Reasoning | None:
        """`effort` is the one of `outputConfig`. None: nothing was said."""
        thinking = self.thinking or self.reasoning_config
        nova = self.reasoningConfig
        for said in (self.output_config, self.reasoning, thinking):
            effort = effort or (said.effort if said else None)
        effort = effort or self.reasoning_effort or (nova.maxReasoningEffort if nova else None)
        level = Effort(effort) if effort in _EFFORTS else None
        if thinking is not None:
            return Reasoning(
                effort=level,
                budget_tokens=thinking.budget_tokens,
                adaptive=thinking.type == "adaptive",
                off=thinking.type == "disabled",
                shown=None if thinking.display is None else thinking.display != "omitted",
            )
        if nova is not None:
            return Reasoning(effort=level, off=nova.type == "disabled")
        return None if level is None else Reasoning(effort=level)


_EFFORTS: Final = frozenset(Effort)
