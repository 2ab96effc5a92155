"""Why an answer ended: Converse's words and ours."""

from typing import Final

from fastgate.domain.reply import Finish

FINISH_OF: Final = {
    "end_turn": Finish.STOP,
    "tool_use": Finish.TOOL_USE,
    "max_tokens": Finish.LENGTH,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "guardrail_intervened": Finish.FILTERED,
    "content_filtered": Finish.FILTERED,
    "malformed_model_output": Finish.MALFORMED,
    "malformed_tool_use": Finish.MALFORMED,
    "model_context_window_exceeded": Finish.CONTEXT_FULL,
}

STOP_REASON_OF: Final = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.CONTEXT_FULL: "model_context_window_exceeded",
    Finish.TOOL_USE: "tool_use",
    Finish.FILTERED: "content_filtered",
    Finish.REFUSED: "content_filtered",
    Finish.PAUSED: "end_turn",
    Finish.MALFORMED: "malformed_tool_use",
}


def finish_of(stop_reason: str) -> Finish:
    """A word that is not known ends an answer like any other."""
    return FINISH_OF.get(stop_reason, Finish.STOP)
