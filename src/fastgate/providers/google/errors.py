"""Google's errors, and what each means for failover.

Sources: "Error model" (AIP-193), google/rpc/error_details.proto, and "Troubleshooting" of the Gemini API's
documentation.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from fastgate.domain.failure import UpstreamError
from fastgate.providers.common.errors import classify_status
from fastgate.providers.common.retry_after import MAX_RETRY_AFTER_S
from fastgate.providers.interface import Header
from fastgate.wire.gemini.problem import error_in
from fastgate.wire.gemini.shapes import Status

_DURATION: Final = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)s")
_KEY_REASONS: Final = frozenset(
    {"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED"}
)


class _Detail(msgspec.Struct, rename="camel"):
    """RetryInfo has a delay, ErrorInfo a reason."""

    retry_delay: str | None = None
    reason: str | None = None


_details: Final = msgspec.json.Decoder(list[_Detail])


def classify_error(status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
    """A 400 may be about the account: an API key that is none, or a model or a region that it may not use."""
    error = error_in(body) or Status()
    details = _details_of(error)
    means = 0
    if status == 400:
        if any(each.reason in _KEY_REASONS for each in details):
            means = 401
        elif error.status == "FAILED_PRECONDITION":
            means = 403
    delays = (_seconds(each.retry_delay) for each in details if each.retry_delay is not None)
    delay = next((each for each in delays if each is not None), None)
    return classify_status(status, headers, body, means=means, retry_after_s=delay)


def _details_of(error: Status) -> list[_Detail]:
    """Empty where they cannot be read: the status says enough."""
    try:
        return _details.decode(error.details)
    except (msgspec.MsgspecError, RecursionError):
        return []


def _seconds(duration: str) -> float | None:
    """`google.protobuf.Duration` in JSON: `3.5s`."""
    found = _DURATION.fullmatch(duration)
    return None if found is None else min(float(found[1]), MAX_RETRY_AFTER_S)
