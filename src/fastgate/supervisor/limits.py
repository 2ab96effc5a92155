"""Limits of the operating system that the children inherit."""

import resource

from fastgate.observability import log


def raise_open_files() -> None:
    """Raise the soft limit of open files to the hard one: a request takes two, and 1,024 is a common limit.

    It is low for the sake of programs that call select(2), which none of ours does.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        log.event("warning", "the limit of open files stays low", limit=soft, hard=hard, reason=str(error))
