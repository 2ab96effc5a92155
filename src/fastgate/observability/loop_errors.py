"""Failures that nobody awaits: of callbacks and tasks. Each is a defect, and goes into the log."""

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

from fastgate.observability import log


def report_loop_errors(then: Callable[[], None] | None = None) -> None:
    """Log what the running loop's exception handler is told, with its traceback; then call `then`."""

    def handle(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error: BaseException | None = context.get("exception")
        log.event(
            "error",
            "unexpected failure",
            where=context["message"],
            error="" if error is None else "".join(traceback.format_exception_only(error)).strip(),
            traceback=[] if error is None else traceback.format_tb(error.__traceback__),
        )
        if then is not None:
            then()

    asyncio.get_running_loop().set_exception_handler(handle)
