from fastgate.supervisor.backoff import HEALTHY_S, MAX_S, Backoff


def test_first_restart_is_at_once_then_it_doubles_to_a_limit() -> None:
    backoff = Backoff()
    delays = [backoff.delay_s(0.1) for _ in range(10)]
    assert delays[:5] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert delays[-1] == MAX_S


def test_a_long_life_is_forgiven() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay_s(0.1)
    assert backoff.delay_s(HEALTHY_S) == 0.0
    assert backoff.delay_s(0.1) == 0.5
