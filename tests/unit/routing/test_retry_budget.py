"""Further attempts never exceed what the documentation promises."""

from hypothesis import given
from hypothesis import strategies as st
from tests.support.routing import SECOND

from fastgate.routing.retry_budget import WINDOW_S, RetryBudget

STEPS = st.lists(
    st.tuples(st.integers(0, 3 * SECOND), st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=60
)


@given(steps=STEPS, ratio=st.floats(0, 2), min_per_s=st.floats(0, 6))
def test_never_more_than_promised(steps: list[tuple[int, int, int]], ratio: float, min_per_s: float) -> None:
    budget = RetryBudget(ratio, min_per_s)
    now = 500 * SECOND
    requests, granted = [], []
    for elapsed, new, wanted in steps:
        now += elapsed
        for _ in range(new):
            budget.request(now)
            requests.append(now // SECOND)
        for _ in range(wanted):
            expected = budget.allows(now)
            assert budget.take(now) is expected
            if expected:
                granted.append(now // SECOND)
        second = now // SECOND
        this_second = granted.count(second)
        window = [each for each in granted if each > second - WINDOW_S]
        recent = [each for each in requests if each > second - WINDOW_S]
        if this_second > min_per_s and granted[-1] == second:
            # what the minimum granted counts too, so the ratio may be passed by it alone
            assert len(window) <= ratio * len(recent) + min_per_s * WINDOW_S


def test_the_minimum_is_there_without_any_requests() -> None:
    budget = RetryBudget(0.2, 5)
    assert [budget.take(SECOND) for _ in range(6)] == [True] * 5 + [False]
    assert budget.take(2 * SECOND)


def test_the_ratio_counts_ten_seconds() -> None:
    budget = RetryBudget(0.2, 0)
    for _ in range(10):
        budget.request(SECOND)
    assert [budget.take(9 * SECOND) for _ in range(3)] == [True, True, False]
    assert not budget.take(30 * SECOND)


def test_switched_off() -> None:
    budget = RetryBudget(0, 0)
    budget.request(SECOND)
    assert not budget.take(SECOND)
