"""Which failure each status is, and what may change that."""

import pytest

from fastgate.domain.failure import FailureKind
from fastgate.providers.common.errors import classify_status


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


def test_a_status_that_means_another() -> None:
    error = classify_status(400, [], b"", means=429)
    assert (error.kind, error.status, str(error)) == (
        FailureKind.RATE_LIMITED,
        400,
        "status 400 that means 429",
    )


@pytest.mark.parametrize(
    ("headers", "said", "seconds"),
    [
        ([], None, None),
        ([], 3.0, 3.0),
        ([(b"retry-after", b"7")], None, 7.0),
        ([(b"retry-after", b"7")], 3.0, 7.0),
        ([(b"retry-after", b"0")], 3.0, 0.0),
    ],
)
def test_a_header_says_how_long_to_wait_before_a_body_does(
    headers: list[tuple[bytes, bytes]], said: float | None, seconds: float | None
) -> None:
    assert classify_status(429, headers, b"", retry_after_s=said).retry_after_s == seconds
