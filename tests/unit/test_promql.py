"""The check that the dashboard and the alerts are held against refuses what would show nothing."""

import pytest
from tests.support.promql import check


def test_the_labels_of_a_result_are_known() -> None:
    by_level = check("sum by (level) (increase(fastgate_budget_refusals_total[5m])) > 0")
    assert by_level.labels == {"level"}
    assert by_level.metrics == {"fastgate_budget_refusals_total"}
    assert check("up == 0").labels == {"job", "instance"}
    quantile = (
        "histogram_quantile(0.9, sum by (le, provider) (rate(fastgate_upstream_latency_seconds_bucket[5m])))"
    )
    assert check(quantile).labels == {"provider"}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("sum(rate(fastgate_requests[5m]))", "no metric fastgate_requests"),
        ("rate(fastgate_overhead_seconds[5m])", "no metric"),
        ('fastgate_ledger_up{provider="x"}', "no label provider"),
        ('fastgate_breaker_state{state="broken"}', "never"),
        ("rate(fastgate_ledger_up[5m])", "what it is not"),
        ("fastgate_requests_total", "what it is not"),
        ("sum by (modle) (rate(fastgate_requests_total[5m]))", "modle"),
        ("histogram_quantile(0.9, sum(rate(fastgate_overhead_seconds_bucket[5m])))", "no buckets"),
        ("fastgate_budget_spent_usd / fastgate_ledger_up", "one side only"),
        ("fastgate_ledger_up and on (owner) fastgate_ledger_lag_seconds", "not on both sides"),
        ("sum(rate(fastgate_requests_total[5m])", "unclosed"),
        ("rate(fastgate_requests_total)", "expected type matrix"),
    ],
)
def test_what_would_show_nothing_is_refused(query: str, reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        check(query)
