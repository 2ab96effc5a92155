"""How long the upstream asks to wait."""

import re
from collections.abc import Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from fastgate import clock

Header = tuple[bytes, bytes]

MAX_RETRY_AFTER_S: Final = 86_400.0
MAX_VALUE_BYTES: Final = 64

_NUMBER: Final = re.compile(rb"-?\d+(\.\d*)?")


def retry_after_s(headers: Sequence[Header]) -> float | None:
    """`Retry-After` in both forms (RFC 9110, 10.2.3), or OpenAI's `retry-after-ms`; None if there is none."""
    values = {name: value.strip() for name, value in headers if name in {b"retry-after", b"retry-after-ms"}}
    milliseconds = _number(values.get(b"retry-after-ms", b""))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    value = values.get(b"retry-after", b"")
    seconds = _number(value)
    if seconds is None:
        seconds = _seconds_until(value)
    return None if seconds is None else _bounded(seconds)


def _number(value: bytes) -> float | None:
    """Of any number of digits: a float has no limit on them, and infinity is bounded like the rest."""
    return float(value) if _NUMBER.fullmatch(value) else None


def _seconds_until(date: bytes) -> float | None:
    if len(date) > MAX_VALUE_BYTES:
        return None
    try:
        moment = parsedate_to_datetime(date.decode("ascii"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp() - clock.time_ns() / 1e9
    except (ValueError, OverflowError):
        return None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
