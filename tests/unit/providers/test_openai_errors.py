"""OpenAI's refusals: which failure each status is, and what `Retry-After` says."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fastgate.domain.failure import FailureKind
from fastgate.providers.openai.errors import classify_status, retry_after_s


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, FailureKind.REDIRECT),
        (307, FailureKind.REDIRECT),
        (400, FailureKind.CLIENT_ERROR),
        (401, FailureKind.CREDENTIAL_REJECTED),
        (403, FailureKind.CREDENTIAL_REJECTED),
        (404, FailureKind.CLIENT_ERROR),
        (408, FailureKind.SERVER_ERROR),
        (413, FailureKind.CLIENT_ERROR),
        (422, FailureKind.CLIENT_ERROR),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.SERVER_ERROR),
        (502, FailureKind.SERVER_ERROR),
        (503, FailureKind.SERVER_ERROR),
        (504, FailureKind.SERVER_ERROR),
        (529, FailureKind.SERVER_ERROR),
    ],
)
def test_status(status: int, kind: FailureKind) -> None:
    error = classify_status(status, [], b"{}")
    assert (error.kind, error.status, error.body) == (kind, status, b"{}")


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
