import pytest

from fastgate.domain.account import Level, Limit, LimitRef, Measure, Owner
from fastgate.limits.refusal import NEVER, RECHECK_NS, Refusal, describe

_S = 1_000_000_000


def _refusal(limit: Limit, wait_ns: int, *, needed: int = 1, owner: Owner | None = None) -> Refusal:
    owner = owner or Owner(Level.VIRTUAL_KEY, "vk_acme_prod")
    return Refusal(0, LimitRef(0, owner, (limit,)), limit, needed, wait_ns)


def test_the_client_is_told_which_limit_and_when() -> None:
    refusal = _refusal(Limit(2, Measure.REQUESTS, 600, 60 * _S, 600), _S + 1)
    assert refusal.message == (
        "The limit of 600 requests per minute of virtual key vk_acme_prod is reached; try again in 2 s."
    )
    error = refusal.error([(b"x-ratelimit-limit-requests", b"600")])
    assert (error.code, error.status, error.message) == ("rate_limit_exceeded", 429, refusal.message)
    assert list(error.headers) == [(b"retry-after", b"2"), (b"x-ratelimit-limit-requests", b"600")]


def test_a_request_that_can_never_pass_is_told_so() -> None:
    limit = Limit(2, Measure.TOKENS, 1_000, 60 * _S, 500)
    refusal = _refusal(limit, NEVER, needed=4_296, owner=Owner(Level.TEAM, "search", "model=gpt-4o*"))
    assert refusal.message == (
        "The request needs 4296 tokens, and the limit of 1000 tokens per minute of team search "
        "(model=gpt-4o*) lets 500 through at once: send less text, or ask for fewer output tokens."
    )
    assert list(refusal.error().headers) == [(b"x-should-retry", b"false")]


def test_a_cap_on_concurrent_requests() -> None:
    refusal = _refusal(Limit(2, Measure.CONCURRENT, 1), RECHECK_NS)
    assert refusal.message.startswith(
        "The limit of 1 concurrent request of virtual key vk_acme_prod is reached"
    )
    assert list(refusal.error().headers) == [(b"retry-after", b"1")]


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        (Limit(2, Measure.REQUESTS, 1, _S, 1), "1 request per second"),
        (Limit(2, Measure.INPUT_TOKENS, 10, 60 * _S, 10), "10 input tokens per minute"),
        (Limit(2, Measure.OUTPUT_TOKENS, 10, 3_600 * _S, 10), "10 output tokens per hour"),
        (Limit(2, Measure.TOKENS, 10, 86_400 * _S, 10), "10 tokens per day"),
        (Limit(2, Measure.REQUESTS, 10, 30 * _S, 10), "10 requests per 30 s"),
    ],
)
def test_limits_in_words(limit: Limit, text: str) -> None:
    assert describe(limit) == text
