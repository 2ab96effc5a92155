"""What Anthropic's errors mean for failover. Bodies and headers as in its API reference."""

import pytest
from tests.conftest import FakeClock

from fastgate.domain.failure import FailureKind
from fastgate.providers.anthropic import AnthropicDialect
from fastgate.providers.interface import Header

DIALECT = AnthropicDialect()


def body(type_: str, message: str = "M.") -> bytes:
    return b'{"type":"error","error":{"type":"%b","message":"%b"},"request_id":"req_1"}' % (
        type_.encode(),
        message.encode(),
    )


@pytest.mark.parametrize(
    ("status", "type_", "kind"),
    [
        (400, "invalid_request_error", FailureKind.CLIENT_ERROR),
        (401, "authentication_error", FailureKind.CREDENTIAL_REJECTED),
        (402, "billing_error", FailureKind.CREDENTIAL_REJECTED),
        (403, "permission_error", FailureKind.CREDENTIAL_REJECTED),
        (404, "not_found_error", FailureKind.CLIENT_ERROR),
        (413, "request_too_large", FailureKind.CLIENT_ERROR),
        (429, "rate_limit_error", FailureKind.RATE_LIMITED),
        (500, "api_error", FailureKind.SERVER_ERROR),
        (504, "timeout_error", FailureKind.SERVER_ERROR),
        (529, "overloaded_error", FailureKind.SERVER_ERROR),
    ],
)
def test_kinds(status: int, type_: str, kind: FailureKind) -> None:
    error = DIALECT.classify_error(status, (), body(type_))
    assert (error.kind, error.status, error.body) == (kind, status, body(type_))


def test_an_account_without_credit_is_not_the_requests_fault() -> None:
    message = "Your credit balance is too low to access the Anthropic API."
    error = DIALECT.classify_error(400, (), body("invalid_request_error", message))
    assert error.kind is FailureKind.CREDENTIAL_REJECTED


@pytest.mark.parametrize(
    "odd", [b"", b"{", b"\xff", b"[" * 5_000, b'{"error":"x"}', b'{"error":{"message":3}}']
)
def test_odd_bodies(odd: bytes) -> None:
    assert DIALECT.classify_error(400, (), odd).kind is FailureKind.CLIENT_ERROR


def _limit(name: str, remaining: int, reset: str) -> tuple[Header, ...]:
    prefix = b"anthropic-ratelimit-" + name.encode()
    return (prefix + b"-remaining", b"%d" % remaining), (prefix + b"-reset", reset.encode())


NOW = "2026-11-24T12:00:00Z"
NOW_NS = 1_795_521_600 * 1_000_000_000


@pytest.fixture
def _at_noon(fake_clock: FakeClock) -> None:
    fake_clock.wall = NOW_NS


@pytest.mark.usefixtures("_at_noon")
@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ((), None),
        (((b"retry-after", b"7"), *_limit("requests", 0, "2026-11-24T12:00:30Z")), 7),
        (_limit("requests", 0, "2026-11-24T12:00:30Z"), 30),
        (
            (
                *_limit("requests", 0, "2026-11-24T12:00:05Z"),
                *_limit("input-tokens", 0, "2026-11-24T12:00:20Z"),
                *_limit("output-tokens", 9, "2026-11-24T12:00:50Z"),
            ),
            20,
        ),
        (_limit("tokens", 0, "2026-11-24T11:59:00Z"), 0),
        (_limit("tokens", 0, "2030-11-24T12:00:00Z"), 86_400),
        (_limit("tokens", 0, "soon"), None),
        (_limit("tokens", 0, "\xff"), None),
    ],
)
def test_how_long_to_wait(headers: tuple[Header, ...], wait_s: float | None) -> None:
    error = DIALECT.classify_error(429, headers, body("rate_limit_error"))
    assert error.retry_after_s == (None if wait_s is None else pytest.approx(wait_s))


@pytest.mark.usefixtures("_at_noon")
def test_limits_matter_to_a_429_only() -> None:
    error = DIALECT.classify_error(529, _limit("requests", 0, NOW), body("overloaded_error"))
    assert error.retry_after_s is None
