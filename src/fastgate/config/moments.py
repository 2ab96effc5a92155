"""Times and zones as the settings write them."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

RFC3339_EXAMPLE: Final = "such as 2030-01-31T00:00:00Z"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def is_moment(text: str) -> bool:
    """An RFC 3339 time with a zone that is within the years 1 to 9999 in UTC too."""
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return moment.tzinfo is not None


def moment_ns(text: str) -> int:
    """Nanoseconds since the Unix epoch, of what `is_moment`."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND * 1_000


def zone_problem(name: str) -> tuple[str, str] | None:
    """Why the text names no time zone, and what does."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"`{name}` is no time zone", "names are such as Europe/Berlin"
    return None
