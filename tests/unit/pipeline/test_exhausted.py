"""What a client is told when all attempts failed: the error that tells it most."""

import itertools

import pytest

from fastgate.domain.failure import FailureKind, UpstreamError
from fastgate.pipeline.fallback import TIMERS, exhausted


def failed(kind: FailureKind, retry_after_s: float | None = None) -> UpstreamError:
    return UpstreamError(kind, "scripted http://inside.example sk-secret", retry_after_s=retry_after_s)


def test_a_rate_limit_before_a_timer_before_the_rest() -> None:
    limited = failed(FailureKind.RATE_LIMITED)
    late = failed(FailureKind.HEADERS_TIMEOUT)
    broken = failed(FailureKind.SERVER_ERROR)
    for order in itertools.permutations([limited, late, broken]):
        assert exhausted(list(order), []).code == "rate_limit_exceeded"
    for pair in itertools.permutations([late, broken]):
        assert exhausted(list(pair), []).code == "upstream_timeout"
    assert exhausted([broken], []).code == "upstream_error"
    assert exhausted([], []).code == "upstream_error"


@pytest.mark.parametrize("kind", sorted(TIMERS))
def test_every_timer_is_a_504(kind: FailureKind) -> None:
    assert exhausted([failed(kind)], []).status == 504


@pytest.mark.parametrize(
    ("waits", "seconds"),
    [([None], b"1"), ([7.0], b"7"), ([7.2], b"8"), ([30.0, 2.0, None], b"2"), ([0.0], b"1"), ([0.3], b"1")],
)
def test_retry_after_is_the_soonest_in_whole_seconds(waits: list[float | None], seconds: bytes) -> None:
    error = exhausted([failed(FailureKind.RATE_LIMITED, wait) for wait in waits], [])
    assert dict(error.headers) == {b"retry-after": seconds}


def test_retry_after_of_other_failures_does_not_count() -> None:
    error = exhausted([failed(FailureKind.SERVER_ERROR, 1.0), failed(FailureKind.RATE_LIMITED, 9.0)], [])
    assert dict(error.headers) == {b"retry-after": b"9"}


def test_nothing_of_the_upstreams_own_words() -> None:
    for kind in FailureKind:
        message = exhausted([failed(kind)], []).message
        assert "inside.example" not in message
        assert "sk-secret" not in message
