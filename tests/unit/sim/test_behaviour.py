"""Faults and delays: at random by the options' rates, or by the `x-sim` header."""

import pytest

from fastgate.sim.behaviour import Behaviour, Behaviours
from fastgate.sim.options import SimOptions


def test_without_rates_nothing_is_random() -> None:
    behaviours = Behaviours(SimOptions(ttft_ms=5, tokens=7))
    assert behaviours.choose(None) == Behaviour(ttft_ms=5, tokens=7)


def test_rates_are_kept_and_repeat_with_the_seed() -> None:
    options = SimOptions(error_rate=0.2, rate_limit_rate=0.25, cut_rate=0.1, stall_rate=0.1, seed=3)
    behaviours = Behaviours(options)
    chosen = [behaviours.choose(None) for _ in range(4000)]
    again = Behaviours(options)
    assert [again.choose(None) for _ in range(4000)] == chosen
    shares = [
        sum(b.error == 500 for b in chosen),
        sum(b.error == 429 for b in chosen),
        sum(b.cut for b in chosen),
        sum(b.stall for b in chosen),
    ]
    assert shares == pytest.approx([800, 800, 240, 240], rel=0.2)
    assert all(b.retry_after_s == 1.0 for b in chosen if b.error == 429)


def test_the_header_wins() -> None:
    behaviours = Behaviours(SimOptions(error_rate=1.0, tokens=9))
    chosen = behaviours.choose(b"ttft_ms=20, error=429,retry_after_s=3,cut=1")
    assert chosen == Behaviour(ttft_ms=20, tokens=9, error=429, retry_after_s=3, cut=True)


@pytest.mark.parametrize(
    "header", [b"nonsense", b"ttft=1", b"ttft_ms", b"ttft_ms=soon", b"error=200", b"\xff"]
)
def test_a_header_that_cannot_be_understood(header: bytes) -> None:
    with pytest.raises(ValueError, match=r"^x-sim: "):
        Behaviours(SimOptions()).choose(header)


def test_jitter_stays_within_its_share() -> None:
    behaviours = Behaviours(SimOptions())
    delays = [behaviours.jittered(Behaviour(jitter=0.25), 4.0) for _ in range(200)]
    assert 3.0 <= min(delays) < max(delays) <= 5.0
