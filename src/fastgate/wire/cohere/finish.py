"""Why Cohere's answers end."""

from typing import Final

from fastgate.domain.reply import Finish

FINISHES: Final = {
    "COMPLETE": Finish.STOP,
    "STOP_SEQUENCE": Finish.STOP_SEQUENCE,
    "MAX_TOKENS": Finish.LENGTH,
    "TOOL_CALL": Finish.TOOL_USE,
}
"""The others that are known are failures; one that is not known is taken for a plain end."""

FAILURES: Final = {"ERROR": 500, "TIMEOUT": 504}
"""The statuses that they stand for."""


def sentence(reason: str, said: str | None) -> str:
    """What a failure is told as."""
    return said or f"Cohere ended the answer with the finish reason {reason}."
