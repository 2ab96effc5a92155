"""Periods against a walk over the calendar, second by second where it matters."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.budgets.periods import SECOND_NS, Kind, Period, calendar, rolling

HOUR = timedelta(hours=1)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # until 2019 the clock was put forward at midnight
    "Asia/Beirut",  # and here it still is
    "America/St_Johns",  # until 2011 it was put back to before midnight
    "Asia/Kathmandu",  # 5:45
    "Australia/Lord_Howe",  # 10:30, and 11:00 in summer
    "Africa/Monrovia",  # an offset with seconds until 1972
    "Pacific/Apia",  # had no 30 December 2011
)
CALENDAR = tuple(kind for kind in Kind if kind is not Kind.ROLLING)
MOMENTS = st.integers(0, 4_000_000_000 * SECOND_NS)


def ns(year: int, month: int, day: int, hour: int = 0, *, minute: int = 0, zone: str = "UTC") -> int:
    moment = datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone))
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) * SECOND_NS


def local(at_ns: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at_ns // SECOND_NS, ZoneInfo(zone))


@given(
    at_ns=MOMENTS,
    kind=st.sampled_from(CALENDAR),
    zone=st.sampled_from(ZONES),
    first=st.integers(0, 6),
)
def test_calendar_periods_follow_each_other(at_ns: int, kind: Kind, zone: str, first: int) -> None:
    period = Period(kind, zone, first if kind is Kind.WEEKLY else 0)
    now = period.bounds(at_ns)
    assert now.start_ns <= at_ns < now.end_ns
    assert period.bounds(now.start_ns) == period.bounds(now.end_ns - 1) == now
    after, before = period.bounds(now.end_ns), period.bounds(now.start_ns - 1)
    assert after.start_ns == now.end_ns
    assert before.end_ns == now.start_ns
    left_out = 1 if zone == "Pacific/Apia" and kind is Kind.DAILY else 0
    assert 1 <= after.number - now.number <= 1 + left_out
    assert 1 <= now.number - before.number <= 1 + left_out
    assert now.tag == now.number & 0xFF


@given(at_ns=MOMENTS, zone=st.sampled_from([zone for zone in ZONES if zone != "America/St_Johns"]))
def test_days_months_and_years_are_those_of_the_calendar(at_ns: int, zone: str) -> None:
    """In St. John's an hour was once counted to the day before after midnight had struck."""
    now = local(at_ns, zone)

    def same(kind: str, part: slice) -> None:
        bounds = calendar(kind, zone).bounds(at_ns)
        first, last = local(bounds.start_ns, zone), local(bounds.end_ns - 1, zone)
        assert first.timetuple()[part] == last.timetuple()[part] == now.timetuple()[part]
        assert local(bounds.start_ns - 1, zone).timetuple()[part] != now.timetuple()[part]
        assert local(bounds.end_ns, zone).timetuple()[part] != now.timetuple()[part]

    same("daily", slice(0, 3))
    same("monthly", slice(0, 2))
    same("yearly", slice(0, 1))


@given(at_ns=MOMENTS, zone=st.sampled_from(ZONES), first=st.integers(0, 6))
def test_weeks_begin_on_their_day(at_ns: int, zone: str, first: int) -> None:
    weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    bounds = calendar("weekly", zone, weekdays[first]).bounds(at_ns)
    day = calendar("daily", zone)
    numbers = day.bounds(bounds.start_ns).number, day.bounds(bounds.end_ns).number
    assert numbers[1] - numbers[0] == 7
    assert (numbers[0] - 1) % 7 == first or zone == "Pacific/Apia"


@given(at_ns=MOMENTS, zone=st.sampled_from(ZONES))
def test_hours_begin_on_the_hour_of_the_zone(at_ns: int, zone: str) -> None:
    bounds = calendar("hourly", zone).bounds(at_ns)
    start, end = local(bounds.start_ns, zone), local(bounds.end_ns, zone)
    if start.utcoffset() == end.utcoffset():
        assert (start.minute, start.second, end - start) == (0, 0, HOUR)


@given(
    at_ns=MOMENTS,
    length_s=st.integers(60, 400 * 86_400),
    anchor_ns=st.none() | st.integers(0, 4_000_000_000 * SECOND_NS),
    zone=st.sampled_from(ZONES),
)
def test_rolling_periods_have_no_gap(at_ns: int, length_s: int, anchor_ns: int | None, zone: str) -> None:
    period = rolling(length_s, zone, anchor_ns)
    now = period.bounds(at_ns)
    assert now.start_ns <= at_ns < now.end_ns
    assert now.end_ns - now.start_ns == length_s * SECOND_NS
    assert period.bounds(now.end_ns) == (now.end_ns, now.end_ns + length_s * SECOND_NS, now.number + 1)
    anchor = ns(2024, 1, 1, zone=zone) if anchor_ns is None else anchor_ns
    assert (now.start_ns - anchor) % (length_s * SECOND_NS) == 0


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", (2026, 3, 29), 23),
        ("Europe/Berlin", (2026, 10, 25), 25),
        ("America/Sao_Paulo", (2018, 11, 4), 23),  # begins at 1:00
        ("Asia/Beirut", (2026, 3, 29), 23),  # begins at 1:00
        ("Australia/Lord_Howe", (2026, 10, 4), 23.5),
        ("Asia/Kathmandu", (2026, 10, 4), 24),
    ],
)
def test_days_on_which_the_clock_is_changed(zone: str, day: tuple[int, int, int], hours: float) -> None:
    bounds = calendar("daily", zone).bounds(ns(*day, hour=12, zone=zone))
    assert (bounds.end_ns - bounds.start_ns) / SECOND_NS == hours * 3600
    assert local(bounds.start_ns, zone).date() == datetime(*day, tzinfo=UTC).date()


def test_a_day_that_was_left_out_is_empty() -> None:
    period = calendar("daily", "Pacific/Apia")
    before = period.bounds(ns(2011, 12, 29, 12, zone="Pacific/Apia"))
    after = period.bounds(before.end_ns)
    assert after.number == before.number + 2
    assert period.start(before.number + 1) == period.start(before.number + 2) == before.end_ns


@pytest.mark.parametrize(
    ("kind", "start", "end"),
    [
        ("hourly", (2026, 5, 15, 10), (2026, 5, 15, 11)),
        ("daily", (2026, 5, 15), (2026, 5, 16)),
        ("weekly", (2026, 5, 11), (2026, 5, 18)),
        ("monthly", (2026, 5, 1), (2026, 6, 1)),
        ("quarterly", (2026, 4, 1), (2026, 7, 1)),
        ("yearly", (2026, 1, 1), (2027, 1, 1)),
    ],
)
def test_each_kind(kind: str, start: tuple[int, int, int], end: tuple[int, int, int]) -> None:
    bounds = calendar(kind, "UTC").bounds(ns(2026, 5, 15, 10, minute=30))
    assert bounds[:2] == (ns(*start), ns(*end))
