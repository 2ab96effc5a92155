"""`Retry-After`: seconds, milliseconds, dates, and whatever else an upstream may put there."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastgate.providers.common.retry_after import MAX_RETRY_AFTER_S, retry_after_s


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        ([(b"retry-after", b"7")], 7.0),
        ([(b"retry-after", b"0.5")], 0.5),
        ([(b"retry-after-ms", b"1500"), (b"retry-after", b"9")], 1.5),
        ([(b"retry-after", b"soon")], None),
        ([(b"retry-after", b"-3")], 0.0),
        ([(b"retry-after", b"nan")], None),
        ([(b"retry-after", b"inf")], None),
        ([(b"retry-after", b"1e3")], None),
        ([(b"retry-after", b"")], None),
        ([(b"retry-after", b"9" * 5000)], 86_400.0),
        ([(b"retry-after-ms", b"9" * 5000)], 86_400.0),
        ([(b"retry-after-ms", b"250.5")], 0.2505),
        ([(b"retry-after-ms", b"soon"), (b"retry-after", b"9")], 9.0),
        ([(b"retry-after", b"Mon, 01 Jan 0001 00:00:00 +2359")], 0.0),
        ([(b"retry-after", b"Fri, 31 Dec 9999 23:59:59 -2359")], 86_400.0),
        ([(b"retry-after", b"99999999999999999999 Dec 1 23:59:60")], None),
        ([(b"retry-after", b"Mon, 99999999999999999999 Jan 2024 00:00:00 GMT")], None),
        ([(b"retry-after", b"Mon, 01 Jan 2024 00:00:00 +99999999999999999999")], None),
        ([(b"retry-after", b"\xff\xfe")], None),
        ([(b"retry-after", b"99999999")], 86_400.0),
    ],
)
def test_retry_after_seconds(headers: list[tuple[bytes, bytes]], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_retry_after_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True).encode()
    earlier = format_datetime(datetime.now(UTC) - timedelta(seconds=100), usegmt=True).encode()
    assert 97 <= (retry_after_s([(b"retry-after", later)]) or 0) <= 100
    assert retry_after_s([(b"retry-after", earlier)]) == 0.0


def test_a_date_without_a_zone_is_in_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    later = (datetime.now(UTC) + timedelta(seconds=100)).strftime("%a, %d %b %Y %H:%M:%S -0000").encode()
    assert 97 <= (retry_after_s([(b"retry-after", later)]) or 0) <= 100


_WORDS = [
    "Mon,",
    "01",
    "Jan",
    "Dec",
    "2024",
    "9999",
    "0001",
    "10:00:00",
    "GMT",
    "-0000",
    "+9999",
    "9" * 20,
    "-",
]


@given(st.binary() | st.lists(st.sampled_from(_WORDS)).map(lambda words: " ".join(words).encode()))
def test_no_value_raises(value: bytes) -> None:
    for name in (b"retry-after", b"retry-after-ms"):
        seconds = retry_after_s([(name, value)])
        assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S
