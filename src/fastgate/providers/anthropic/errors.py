"""Anthropic's errors, and what each means for failover."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from fastgate import clock
from fastgate.domain.failure import UpstreamError
from fastgate.providers.common.errors import classify_status
from fastgate.providers.common.retry_after import MAX_RETRY_AFTER_S
from fastgate.providers.interface import Header

_LIMITS: Final = (b"requests", b"tokens", b"input-tokens", b"output-tokens")
_PREFIX: Final = b"anthropic-ratelimit-"
_NO_CREDIT: Final = "credit balance is too low"


class _Error(msgspec.Struct):
    type: str | None = None
    message: str | None = None


class _Body(msgspec.Struct):
    error: _Error | None = None


_bodies: Final = msgspec.json.Decoder(_Body)


def classify_error(status: int, headers: Sequence[Header], body: bytes) -> UpstreamError:
    """An account without credit is no fault of the request: its credential cannot be used, as with 403. Where
    a 429 does not say how long to wait, the limits that are used up do."""
    means = 403 if _lacks_credit(status, body) else 0
    return classify_status(
        status, headers, body, means=means, retry_after_s=_until_reset(headers) if status == 429 else None
    )


def _lacks_credit(status: int, body: bytes) -> bool:
    if status == 402:
        return True
    if status != 400:
        return False
    try:
        error = _bodies.decode(body).error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return error is not None and _NO_CREDIT in (error.message or "")


def _until_reset(headers: Sequence[Header]) -> float | None:
    """Seconds until the last of the limits of which nothing remains is reset (RFC 3339)."""
    said = dict(headers)
    waits = []
    for limit in _LIMITS:
        if said.get(_PREFIX + limit + b"-remaining") == b"0":
            reset = said.get(_PREFIX + limit + b"-reset", b"")
            try:
                moment = datetime.fromisoformat(reset.decode("ascii")).timestamp()
            except (ValueError, OverflowError):
                continue
            waits.append(min(max(moment - clock.time_ns() / 1e9, 0.0), MAX_RETRY_AFTER_S))
    return max(waits, default=None)
