"""Why an answer ended, in the words of chat completions, and those that other vendors of its dialect have."""

from typing import Final

from fastgate.domain.reply import Finish

FINISH_OF: Final = {
    "stop": Finish.STOP,
    "length": Finish.LENGTH,
    "tool_calls": Finish.TOOL_USE,
    "function_call": Finish.TOOL_USE,
    "content_filter": Finish.FILTERED,
    "model_length": Finish.CONTEXT_FULL,  # Mistral
    "stop_sequence": Finish.STOP_SEQUENCE,  # TGI and those that translate Anthropic's
    "max_tokens": Finish.LENGTH,
    "tool_use": Finish.TOOL_USE,
    "refusal": Finish.REFUSED,
    "abort": Finish.LENGTH,  # vLLM, SGLang: cut short
}
"""A reason that is not here is one of those that end an answer in order (`eos`, `end_turn`)."""

FAILURES: Final = {"error": 502, "insufficient_system_resource": 503}
"""Reasons that say that the answer is none, and the status that each stands for: OpenRouter's and Mistral's,
DeepSeek's."""

REASON_OF: Final = {
    Finish.STOP: "stop",
    Finish.STOP_SEQUENCE: "stop",
    Finish.LENGTH: "length",
    Finish.CONTEXT_FULL: "length",
    Finish.TOOL_USE: "tool_calls",
    Finish.FILTERED: "content_filter",
    Finish.REFUSED: "content_filter",
    Finish.PAUSED: "stop",
    Finish.MALFORMED: "stop",
}


def finish_of(reason: str, *, called: bool, refused: bool) -> Finish:
    """`called`: it has tool calls, of which some servers do not tell here; `refused`: it has a refusal."""
    finish = FINISH_OF.get(reason, Finish.STOP)
    if finish is Finish.STOP and called:
        return Finish.TOOL_USE
    if finish is Finish.STOP and refused:
        return Finish.REFUSED
    return finish


def reason_of(finish: Finish, *, refused: bool = False, function: bool = False) -> str:
    """`refused`: the refusal's own text is there, as where OpenAI's models refuse; `function`: the client
    knows functions and no tools."""
    if finish is Finish.REFUSED and refused:
        return "stop"
    if finish is Finish.TOOL_USE and function:
        return "function_call"
    return REASON_OF[finish]
