"""Why an answer ended, in Gemini's words.

Sources: `FinishReason` and `BlockedReason` of google-genai, and the discovery documents of both APIs.
"""

from typing import Final

from fastgate.domain.reply import Finish

_FILTERED: Final = (
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "IMAGE_SAFETY",
    "IMAGE_PROHIBITED_CONTENT",
    "IMAGE_RECITATION",
    "ESCALATION",
    "PUP_LIMITED_DISABLED",
    "MODEL_ARMOR",
)
_MALFORMED: Final = (
    "MALFORMED_FUNCTION_CALL",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
)
_STOPPED: Final = ("STOP", "OTHER", "FINISH_REASON_UNSPECIFIED", "IMAGE_OTHER", "NO_IMAGE")

READ: Final[dict[str, Finish]] = {
    **dict.fromkeys(_STOPPED, Finish.STOP),
    **dict.fromkeys(_FILTERED, Finish.FILTERED),
    **dict.fromkeys(_MALFORMED, Finish.MALFORMED),
    "MAX_TOKENS": Finish.LENGTH,
    "CONTINUATION": Finish.PAUSED,
}

WRITTEN: Final[dict[Finish, str]] = {
    Finish.STOP: "STOP",
    Finish.STOP_SEQUENCE: "STOP",
    Finish.LENGTH: "MAX_TOKENS",
    Finish.CONTEXT_FULL: "MAX_TOKENS",
    Finish.TOOL_USE: "STOP",
    Finish.FILTERED: "SAFETY",
    Finish.REFUSED: "PROHIBITED_CONTENT",
    Finish.PAUSED: "OTHER",
    Finish.MALFORMED: "MALFORMED_FUNCTION_CALL",
}


def finish_of(reason: str, *, called: bool) -> Finish:
    """`called`: the answer has a function call, which Gemini has no reason of its own for. A reason that
    nobody knows yet is a stop."""
    finish = READ.get(reason, Finish.STOP)
    return Finish.TOOL_USE if called and finish is Finish.STOP else finish
