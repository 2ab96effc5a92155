"""What a status means for failover (DESIGN part 8)."""

from collections.abc import Sequence

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.providers.common.retry_after import retry_after_s as retry_after_in
from fastgate.providers.interface import Header


def classify_status(
    status: int, headers: Sequence[Header], body: bytes, *, means: int = 0, retry_after_s: float | None = None
) -> UpstreamError:
    """The failure for a status of 300 and more. `means` is the status that the vendor should have sent, where
    its body says so, and `retry_after_s` what that says of waiting; a header wins."""
    named = f"status {status}" + (f" that means {means}" if means and means != status else "")
    asked = retry_after_in(headers)
    return UpstreamError(
        kind_of_status(means or status),
        named,
        status=status,
        headers=tuple(headers),
        body=body,
        retry_after_s=retry_after_s if asked is None else asked,
    )


def kind_of_status(status: int) -> FailureKind:
    if status < 400:
        return FailureKind.REDIRECT
    if status == 429:
        return FailureKind.RATE_LIMITED
    if status in {401, 403}:
        return FailureKind.CREDENTIAL_REJECTED
    if status == 408 or status >= 500:
        return FailureKind.SERVER_ERROR
    return FailureKind.CLIENT_ERROR
