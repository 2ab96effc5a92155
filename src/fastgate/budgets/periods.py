"""When the periods of a budget begin and end: by the calendar of a time zone, or rolling. Integers only.

The periods of a budget are numbered; number n ends where n + 1 begins. One that a zone left out (a day,
where it moved over the date line) is empty.
"""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

SECOND_NS: Final = 1_000_000_000
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_HOUR_S: Final = 3_600
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_ANCHOR_DAY: Final = date(2024, 1, 1).toordinal()  # where rolling periods without an anchor count from


class Kind(StrEnum):
    """What the length of a period is. Its value is how the configuration calls it."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"
    ROLLING = "rolling"


class Bounds(NamedTuple):
    """A period: from `start_ns`, before `end_ns`, Unix time. `number` is one more for each next."""

    start_ns: int
    end_ns: int
    number: int

    @property
    def tag(self) -> int:
        """What a counter keeps of the number."""
        return self.number % 256


class Period(msgspec.Struct, frozen=True):
    """The periods of one budget. `week_starts_on` is 0 for Monday; `length_s` and `anchor_ns` are of rolling
    periods."""

    kind: Kind
    zone: str = "UTC"
    week_starts_on: int = 0
    length_s: int = 0
    anchor_ns: int = 0

    def bounds(self, at_ns: int) -> Bounds:
        """The period that `at_ns` is in."""
        return _bounds(self, at_ns)

    def around(self, at_ns: int) -> Bounds:
        """As `bounds`, worked out."""
        if self.kind is Kind.ROLLING:
            number = (at_ns - self.anchor_ns) // (self.length_s * SECOND_NS)
            return Bounds(self.start(number), self.start(number + 1), number)
        number = self._near(at_ns // SECOND_NS)
        start, end = self.start(number), self.start(number + 1)
        while at_ns >= end:
            number, start, end = number + 1, end, self.start(number + 2)
        while at_ns < start:
            number, start, end = number - 1, self.start(number - 1), start
        return Bounds(start, end, number)

    def start(self, number: int) -> int:
        """When the period of that number begins, and the one before it ends."""
        if self.kind is Kind.ROLLING:
            return self.anchor_ns + number * self.length_s * SECOND_NS
        if self.kind is Kind.HOURLY:
            second = number * _HOUR_S
            # On the hour of the zone, and rising with the number whatever the offset does.
            return (second + -_offset_s(self.zone, second) % _HOUR_S) * SECOND_NS
        return _day_start_s(self.zone, self._first_day(number)) * SECOND_NS

    def _first_day(self, number: int) -> int:
        """The proleptic Gregorian ordinal of the period's first day."""
        match self.kind:
            case Kind.DAILY:
                return number
            case Kind.WEEKLY:
                return number * 7 + 1 + self.week_starts_on  # the ordinal 1 is a Monday
            case Kind.MONTHLY:
                return _month_start(number)
            case Kind.QUARTERLY:
                return _month_start(number * 3)
            case _:
                return _month_start(number * 12)

    def _near(self, second: int) -> int:
        """A number that is right, or off by one."""
        if self.kind is Kind.HOURLY:
            return second // _HOUR_S
        day = _local(self.zone, second).date()
        month = day.year * 12 + day.month - 1
        match self.kind:
            case Kind.DAILY:
                return day.toordinal()
            case Kind.WEEKLY:
                return (day.toordinal() - 1 - self.week_starts_on) // 7
            case Kind.MONTHLY:
                return month
            case Kind.QUARTERLY:
                return month // 3
            case _:
                return day.year


@lru_cache(maxsize=1_024)
def _bounds(period: Period, at_ns: int) -> Bounds:
    """Asked for thousands of budgets with the same period at one moment."""
    return period.around(at_ns)


def calendar(kind: str, zone: str, week_starts_on: str = "monday") -> Period:
    """Of `monthly` and its like. ValueError: another word."""
    first = WEEKDAYS.index(week_starts_on) if kind == Kind.WEEKLY else 0
    return Period(Kind(kind), zone, first)


def rolling(length_s: int, zone: str, anchor_ns: int | None = None) -> Period:
    """One after the other without a gap, from the anchor on, or from where 2024 began in the zone."""
    if anchor_ns is None:
        anchor_ns = _day_start_s(zone, _ANCHOR_DAY) * SECOND_NS
    return Period(Kind.ROLLING, length_s=length_s, anchor_ns=anchor_ns)


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _local(zone: str, second: int) -> datetime:
    return (_EPOCH + second * _SECOND).astimezone(_zone(zone))


def _offset_s(zone: str, second: int) -> int:
    return (_local(zone, second).replace(tzinfo=UTC) - _EPOCH) // _SECOND - second


def _month_start(month: int) -> int:
    """The ordinal of the first day; months are counted from January of the year 0."""
    return date(month // 12, month % 12 + 1, 1).toordinal()


@lru_cache(maxsize=4_096)
def _day_start_s(zone: str, ordinal: int) -> int:
    """The first second that the zone's calendar counts to that day, or to a later one."""
    day = date.fromordinal(ordinal)
    midnight = datetime.combine(day, time(), _zone(zone))
    second = (midnight - _EPOCH) // _SECOND
    if _local(zone, second).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return second
    # The clock was put forward over midnight: the first second of the day is somewhere before this one.
    before = (midnight.replace(fold=1) - _EPOCH) // _SECOND
    while second - before > 1:
        middle = (before + second) // 2
        if _local(zone, middle).date() < day:
            before = middle
        else:
            second = middle
    return second
