"""Google's errors as failover sees them."""

from typing import Any

import msgspec
import pytest

from fastgate.domain.failure import FailureKind
from fastgate.providers.google import GeminiDialect, VertexDialect
from fastgate.providers.google.errors import classify_error

RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.074824224s"}
QUOTA = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "x"}]}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


def body(status: str, *details: Any) -> bytes:
    return msgspec.json.encode({"error": {"code": 1, "message": "m", "status": status, "details": details}})


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", FailureKind.CLIENT_ERROR),
        (400, "FAILED_PRECONDITION", FailureKind.CREDENTIAL_REJECTED),
        (401, "UNAUTHENTICATED", FailureKind.CREDENTIAL_REJECTED),
        (403, "PERMISSION_DENIED", FailureKind.CREDENTIAL_REJECTED),
        (404, "NOT_FOUND", FailureKind.CLIENT_ERROR),
        (429, "RESOURCE_EXHAUSTED", FailureKind.RATE_LIMITED),
        (500, "INTERNAL", FailureKind.SERVER_ERROR),
        (503, "UNAVAILABLE", FailureKind.SERVER_ERROR),
        (504, "DEADLINE_EXCEEDED", FailureKind.SERVER_ERROR),
    ],
)
def test_kinds(status: int, name: str, kind: FailureKind) -> None:
    for dialect in (GeminiDialect(), VertexDialect()):
        error = dialect.classify_error(status, [], body(name))
        assert (error.kind, error.status) == (kind, status)


def test_a_400_may_be_about_the_key() -> None:
    error = classify_error(400, [], body("INVALID_ARGUMENT", BAD_KEY))
    assert error.kind is FailureKind.CREDENTIAL_REJECTED


@pytest.mark.parametrize("wrap", [False, True])
def test_the_delay_is_in_the_body(wrap: bool) -> None:
    said = body("RESOURCE_EXHAUSTED", QUOTA, RETRY)
    error = classify_error(429, [], b"[%b]" % said if wrap else said)
    assert error.retry_after_s == pytest.approx(34.074824224)
    assert error.body == (b"[%b]" % said if wrap else said)


def test_a_header_wins() -> None:
    assert classify_error(429, [(b"retry-after", b"5")], body("X", RETRY)).retry_after_s == 5


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("0s", 0.0), ("3600s", 3600.0), ("999999999s", 86_400.0), ("-1s", None), ("1m", None), ("", None)],
)
def test_delays(delay: str, seconds: float | None) -> None:
    assert classify_error(429, [], body("X", {"retryDelay": delay})).retry_after_s == seconds


@pytest.mark.parametrize(
    "odd",
    [b"", b"<html>", b"[]", b"{}", b'{"error":"x"}', b'{"error":{"details":1}}', b"\xff", b"[" * 9_999],
)
def test_odd_bodies(odd: bytes) -> None:
    error = classify_error(429, [], odd)
    assert (error.kind, error.retry_after_s) == (FailureKind.RATE_LIMITED, None)
