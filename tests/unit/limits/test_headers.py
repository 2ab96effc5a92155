import pytest

from fastgate.limits.headers import duration, seconds_up

_MS = 1_000_000
_S = 1_000_000_000


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (-5, "0s"),
        (1, "1ms"),
        (12 * _MS, "12ms"),
        (999 * _MS + 1, "1s"),
        (_S, "1s"),
        (8_640 * _MS, "8.64s"),
        (59_999 * _MS, "59.999s"),
        (60 * _S, "1m0s"),
        (360 * _S, "6m0s"),
        (172_800 * _MS, "2m52.8s"),
        (3_600 * _S, "1h0m0s"),
        (86_400 * _S, "24h0m0s"),
    ],
)
def test_durations_as_openai_writes_them(ns: int, text: str) -> None:
    assert duration(ns) == text.encode()


@pytest.mark.parametrize(("ns", "seconds"), [(1, 1), (_S, 1), (_S + 1, 2), (0, 1)])
def test_retry_after_is_never_early_and_never_zero(ns: int, seconds: int) -> None:
    assert seconds_up(ns) == seconds
