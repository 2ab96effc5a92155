"""The breaker's states, on one file that two workers share, with a clock that a test moves."""

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.routing import SECOND

from fastgate._core.shm import SharedSlots
from fastgate.domain.snapshot import Breaker
from fastgate.routing.breaker import ADMITTED, PROBE_LEASE_NS, REFUSED, CircuitBreaker, Turn

START = 1_000 * SECOND
SETTINGS = Breaker(window_s=10, min_requests=4, error_ratio=0.5, open_s=5, max_open_s=18)


def workers(path: Path, count: int = 2, settings: Breaker = SETTINGS) -> list[CircuitBreaker]:
    files = [SharedSlots(str(path), 64, number == 0) for number in range(count)]
    return [CircuitBreaker(slots, slots.claim(7), settings) for slots in files]


def test_opens_on_the_ratio_in_all_workers_at_once(tmp_path: Path) -> None:
    one, two = workers(tmp_path / "slots")
    for breaker, failed in ((one, False), (two, False), (one, True)):
        breaker.record(failed, ADMITTED, START)
    assert (one.admit(START), two.admit(START)) == (ADMITTED, ADMITTED)
    two.record(True, ADMITTED, START)
    assert (one.admit(START), two.admit(START)) == (REFUSED, REFUSED)
    assert one.opens_until() == START + 5 * SECOND


def test_too_few_requests_never_open_it(tmp_path: Path) -> None:
    (one,) = workers(tmp_path / "slots", 1)
    for _ in range(3):
        one.record(True, ADMITTED, START)
    assert one.admit(START) == ADMITTED


def test_failures_below_the_ratio_do_not_open_it(tmp_path: Path) -> None:
    (one,) = workers(tmp_path / "slots", 1)
    for number in range(300):
        one.record(number % 3 == 2, ADMITTED, START)
    assert one.admit(START) == ADMITTED


def test_what_lies_two_windows_back_is_forgotten(tmp_path: Path) -> None:
    (one,) = workers(tmp_path / "slots", 1)
    for _ in range(3):
        one.record(True, ADMITTED, START)
    one.record(True, ADMITTED, START + 20 * SECOND)
    assert one.admit(START + 20 * SECOND) == ADMITTED


def test_the_last_window_fades_out(tmp_path: Path) -> None:
    for offset, opens in ((1, True), (9, False)):
        (one,) = workers(tmp_path / f"slots{offset}", 1)
        for _ in range(3):
            one.record(True, ADMITTED, START)
        now = START + (10 + offset) * SECOND
        one.record(True, ADMITTED, now)
        one.record(True, ADMITTED, now)
        assert (one.admit(now) == REFUSED) is opens


def test_half_open_lets_one_probe_through_over_all_workers(tmp_path: Path) -> None:
    one, two = workers(tmp_path / "slots")
    trip(one, START)
    later = START + 5 * SECOND
    assert one.admit(later - 1) == REFUSED
    token = two.admit(later)
    assert token > 0
    assert (one.admit(later), two.admit(later)) == (REFUSED, REFUSED)
    two.record(False, token, later)
    assert (one.admit(later), two.admit(later)) == (ADMITTED, ADMITTED)
    one.record(True, ADMITTED, later)
    assert one.admit(later) == ADMITTED, "what was counted before it opened must not open it again"


def test_each_failed_probe_doubles_the_time_up_to_the_limit_and_success_forgets_it(tmp_path: Path) -> None:
    one, two = workers(tmp_path / "slots")
    now = START
    trip(one, now)
    for seconds in (5, 10, 18, 18):
        assert one.opens_until() == now + seconds * SECOND
        now = one.opens_until()
        token = two.admit(now)
        two.record(True, token, now)
    assert one.opens_until() == now + 18 * SECOND
    now = one.opens_until()
    one.record(False, one.admit(now), now)
    trip(two, now)
    assert one.opens_until() == now + 5 * SECOND


def test_a_probe_without_a_verdict_leaves_room_for_the_next(tmp_path: Path) -> None:
    one, two = workers(tmp_path / "slots")
    trip(one, START)
    now = START + 5 * SECOND
    one.release(one.admit(now))
    assert two.admit(now) > 0


def test_the_probe_of_a_dead_worker_is_given_up(tmp_path: Path) -> None:
    one, two = workers(tmp_path / "slots")
    trip(one, START)
    now = START + 5 * SECOND
    dead = one.admit(now)
    assert two.admit(now + PROBE_LEASE_NS - 1) == REFUSED
    token = two.admit(now + PROBE_LEASE_NS)
    assert token > 0
    one.release(dead)
    assert one.admit(now + PROBE_LEASE_NS) == REFUSED, "the lease of another must not be given back"


def test_a_probe_of_an_earlier_half_open_state_decides_nothing(tmp_path: Path) -> None:
    """A outlives its lease, B closes the breaker, and A fails much later."""
    one, two = workers(tmp_path / "slots")
    trip(one, START)
    now = START + 5 * SECOND
    a = one.admit(now)
    now += PROBE_LEASE_NS
    b = two.admit(now)
    assert two.record(False, b, now) is Turn.CLOSED
    now += 60 * SECOND
    assert one.record(True, a, now) is None
    assert one.admit(now) == ADMITTED
    for _ in range(3):
        one.record(True, ADMITTED, now)
    assert one.admit(now) == REFUSED, "the late failure counts like any other"


@pytest.mark.parametrize("failed", [True, False])
def test_a_call_of_minutes_decides_though_another_probe_has_its_lease(tmp_path: Path, failed: bool) -> None:
    """Where every call takes longer than the lease, the breaker must not stay half-open for ever."""
    one, two = workers(tmp_path / "slots")
    trip(one, START)
    now = START + 5 * SECOND
    a = one.admit(now)
    now += PROBE_LEASE_NS
    b = two.admit(now)
    assert b > 0
    now += 60 * SECOND
    assert one.record(failed, a, now) is (Turn.OPENED if failed else Turn.CLOSED)
    if failed:
        assert one.opens_until() == now + 10 * SECOND
        now = one.opens_until()
        assert two.record(False, b, now - 1) is None, "B began before it opened again"
        assert one.opens_until() == now
        assert one.admit(now) > 0
    else:
        assert two.record(True, b, now) is None
        assert one.admit(now) == ADMITTED


def test_of_two_probes_at_the_same_moment_one_decides(tmp_path: Path) -> None:
    one, two = workers(tmp_path / "slots")
    trip(one, START)
    now = START + 5 * SECOND
    a, b = one.admit(now), two.admit(now + PROBE_LEASE_NS)
    now += PROBE_LEASE_NS
    assert [one.record(True, a, now), two.record(True, b, now)] == [Turn.OPENED, None]
    assert one.opens_until() == now + 10 * SECOND


def test_answers_that_come_late_do_not_change_an_open_breaker(tmp_path: Path) -> None:
    one, two = workers(tmp_path / "slots")
    trip(one, START)
    until = one.opens_until()
    two.record(False, ADMITTED, START + SECOND)
    two.record(True, ADMITTED, START + SECOND)
    assert one.opens_until() == until


def trip(breaker: CircuitBreaker, now: int) -> None:
    for _ in range(4):
        breaker.record(True, ADMITTED, now)
    assert breaker.admit(now) == REFUSED


class TwoWorkers(RuleBasedStateMachine):
    """Any interleaving: at most one probe holds the lease, and the state is never lost."""

    @initialize(seed=st.integers(0, 2**32))
    def start(self, seed: int) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.workers = workers(Path(self.directory.name) / "slots")
        self.now = START + seed
        self.probes: dict[int, int] = {}
        self.requests = 0

    def teardown(self) -> None:
        if hasattr(self, "directory"):
            self.directory.cleanup()

    @rule(seconds=st.floats(0, 40))
    def time_passes(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        self.probes = {token: worker for token, worker in self.probes.items() if token > self.now}

    @rule(worker=st.integers(0, 1), failed=st.booleans())
    def request(self, worker: int, failed: bool) -> None:
        breaker = self.workers[worker]
        until = breaker.opens_until()
        token = breaker.admit(self.now)
        if token == ADMITTED:
            assert until == 0
            breaker.record(failed, ADMITTED, self.now)
        elif token == REFUSED:
            assert until > self.now or self.probes
        else:
            assert 0 < until <= self.now
            assert not self.probes
            self.probes[token] = worker

    @precondition(lambda self: self.probes)
    @rule(failed=st.sampled_from([True, False, None]))
    def probe_ends(self, failed: bool) -> None:
        token, worker = self.probes.popitem()
        breaker = self.workers[worker]
        if failed is None:
            breaker.release(token)
        else:
            breaker.record(failed, token, self.now)
            assert (breaker.opens_until() > self.now) is failed

    @invariant()
    def both_see_the_same(self) -> None:
        if hasattr(self, "workers"):
            assert self.workers[0].opens_until() == self.workers[1].opens_until()


TestTwoWorkers = TwoWorkers.TestCase


@given(
    outcomes=st.lists(st.booleans(), min_size=1, max_size=60),
    ratio=st.floats(0.05, 1),
    least=st.integers(1, 20),
)
def test_within_one_window_it_opens_exactly_when_documented(
    tmp_path_factory: pytest.TempPathFactory,
    outcomes: Any,
    ratio: Any,
    least: Any,
) -> None:
    settings = Breaker(window_s=10, min_requests=least, error_ratio=ratio, open_s=5)
    (breaker,) = workers(tmp_path_factory.mktemp("slots") / "slots", 1, settings)
    failures = 0
    for count, failed in enumerate(outcomes, 1):
        failures += failed
        breaker.record(failed, ADMITTED, START)
        if failed and count >= least and failures >= ratio * count:
            assert breaker.admit(START) == REFUSED
            return
        assert breaker.admit(START) == ADMITTED


def test_thousands_of_records_in_turn_keep_the_ratio(tmp_path: Path) -> None:
    one, two = workers(tmp_path / "slots")
    rng = random.Random(3)
    now = START
    for _ in range(5000):
        now += int(0.01 * SECOND)
        rng.choice((one, two)).record(rng.random() < 0.3, ADMITTED, now)
    assert one.opens_until() == pytest.approx(0)
