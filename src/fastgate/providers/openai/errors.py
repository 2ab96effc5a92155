"""OpenAI's errors inside a 200, and what each means for failover."""

from fastgate.domain.failure import UpstreamError
from fastgate.providers.common.errors import kind_of_status
from fastgate.wire.openai_errors import error_in


def in_band_error(data: bytes, *, other: int = 500) -> UpstreamError | None:
    """The error that a 200 carries, treated as the status that it names; None if it carries none.

    `other` is the status of a name that is not known.
    """
    error = error_in(data, other=other)
    if error is None:
        return None
    return UpstreamError(
        kind_of_status(error.status),
        f"status 200 with an error that means {error.status}",
        status=error.status,
        body=data,
    )
