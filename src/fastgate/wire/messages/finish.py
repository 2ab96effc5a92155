"""Why an answer ended, in the words of the Messages API (`StopReason` of anthropic-python)."""

from typing import Final

from fastgate.domain.reply import Finish

FINISH_OF: Final = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP_SEQUENCE,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.CONTEXT_FULL,
    "tool_use": Finish.TOOL_USE,
    "refusal": Finish.REFUSED,
    "pause_turn": Finish.PAUSED,
    "compaction": Finish.PAUSED,
}
"""A reason that is not here is one of those that end a turn in order."""

STOP_REASON_OF: Final = {
    Finish.STOP: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.CONTEXT_FULL: "model_context_window_exceeded",
    Finish.TOOL_USE: "tool_use",
    Finish.FILTERED: "refusal",
    Finish.REFUSED: "refusal",
    Finish.PAUSED: "pause_turn",
    Finish.MALFORMED: "end_turn",
}


def finish_of(stop_reason: str | None) -> Finish:
    return FINISH_OF.get(stop_reason or "", Finish.STOP)
