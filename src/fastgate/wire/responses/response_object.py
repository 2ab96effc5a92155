"""The response object: around the output, what was asked for, and how it ended."""

from typing import Final

from fastgate import clock
from fastgate.domain.reply import Finish
from fastgate.domain.usage import Usage
from fastgate.wire.interface import Asked, Problem
from fastgate.wire.responses.echo import UNSAID
from fastgate.wire.responses.ids import new_response_id
from fastgate.wire.responses.items import Written
from fastgate.wire.responses.shapes import ResponsesConversation

_INCOMPLETE: Final = {
    Finish.STOP: None,
    Finish.STOP_SEQUENCE: None,
    Finish.LENGTH: "max_output_tokens",
    Finish.CONTEXT_FULL: "max_output_tokens",
    Finish.TOOL_USE: None,
    Finish.FILTERED: "content_filter",
    Finish.REFUSED: "content_filter",
    Finish.PAUSED: None,
    Finish.MALFORMED: None,
}
_RATE_LIMITED: Final = 429


def incomplete_reason(finish: Finish, *, refused: bool) -> str | None:
    """None where the answer is complete; so is one that has the text of a refusal (`refused`)."""
    return None if finish is Finish.REFUSED and refused else _INCOMPLETE[finish]


class ResponseObject:
    """Of one answer. `model` is as the provider says, once it has, `tier` as OpenAI calls it."""

    def __init__(self, asked: Asked) -> None:
        self.id = new_response_id()
        self.model = asked.model
        self.tier: str | None = None
        request = asked.request if isinstance(asked.request, ResponsesConversation) else None
        self._created_s = asked.created_s
        self._said = {
            **UNSAID,
            **(request.echo if request is not None else {}),
            "store": request is not None and request.kept is not None,
        }

    def written(
        self,
        status: str,
        output: list[Written],
        usage: Usage | None = None,
        *,
        reason: str | None = None,
        problem: Problem | None = None,
    ) -> Written:
        """`reason` why it is incomplete, or the `problem` by which it failed."""
        return {
            "id": self.id,
            "object": "response",
            "created_at": self._created_s,
            "status": status,
            "completed_at": clock.time_ns() // 1_000_000_000 if status == "completed" else None,
            "error": None if problem is None else _error(problem),
            "incomplete_details": None if reason is None else {"reason": reason},
            "model": self.model,
            "output": output,
            **self._said,
            "service_tier": self.tier or "default",
            "usage": None if usage is None else _usage(usage),
        }

    def ended(self, output: list[Written], usage: Usage | None, finish: Finish, *, refused: bool) -> Written:
        reason = incomplete_reason(finish, refused=refused)
        return self.written("completed" if reason is None else "incomplete", output, usage, reason=reason)


def _error(problem: Problem) -> Written:
    """Of the API's codes these two are not about the request."""
    code = "rate_limit_exceeded" if problem.status == _RATE_LIMITED else "server_error"
    return {"code": code, "message": problem.message}


def _usage(usage: Usage) -> Written:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_input_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
