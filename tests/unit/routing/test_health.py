"""Shared health: two workers on one file, workers that die, and what status shows."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import FakeClock
from tests.support.routing import SECOND, Rig, local, snapshot

from fastgate._core.shm import SharedSlots, key_of
from fastgate.domain.failure import FailureKind as Kind
from fastgate.domain.failure import UpstreamError
from fastgate.domain.snapshot import Breaker
from fastgate.routing.health import Health
from fastgate.routing.latency import DECAY_NS, Quantile, decayed, peak_average
from fastgate.routing.slot_layout import IN_FLIGHT_TAG, in_flight_name, in_flight_tag, slots_needed
from fastgate.routing.states import states


@pytest.fixture
def rig(tmp_path: Path, fake_clock: FakeClock) -> Rig:
    return Rig(tmp_path, fake_clock, snapshot(providers={"a": local("m", credentials=2)}), workers=3)


def test_in_flight_is_summed_over_workers_and_zeroed_for_a_respawned_one(rig: Rig) -> None:
    choices = [rig.choice(rig.plan("m", worker=worker)) for worker in (0, 1, 1, 2)]
    assert [choice.candidate.health.in_flight() for choice in choices] == [4, 4, 4, 4]
    Health(rig.files[1], 1)
    assert choices[0].candidate.health.in_flight() == 2
    assert states(rig.files[0], rig.snapshot, rig.clock.monotonic)[0].in_flight == 2


def test_only_a_respawned_worker_looks_at_every_slot(tmp_path: Path) -> None:
    slots = SharedSlots(str(tmp_path / "counters"), 64, True)
    slot = slots.claim(key_of(in_flight_name("a/m", 0)))
    slots.store(slot, IN_FLIGHT_TAG, in_flight_tag(0))
    slots.store(slot, 2, 7)
    Health(slots, 1)
    Health(slots, 2)
    assert slots.load(slot, 2) == 7
    Health(slots, 1)
    assert slots.load(slot, 2) == 7
    Health(slots, 2)
    assert slots.load(slot, 2) == 0
    slots.close()


def test_more_workers_than_a_slot_has_fields(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"a": local("m")}), workers=30)
    choices = [rig.choice(rig.plan("m", worker=worker)) for worker in range(30)]
    assert choices[0].candidate.health.in_flight() == 30
    Health(rig.files[29], 29)
    Health(rig.files[13], 13)
    assert choices[0].candidate.health.in_flight() == 28
    assert states(rig.files[0], rig.snapshot, 0)[0].in_flight == 28


def test_the_file_has_room_for_what_is_said_to_be_needed(tmp_path: Path, fake_clock: FakeClock) -> None:
    snap = snapshot(
        providers={"a": local(*(f"m{n}" for n in range(20)), credentials=3)},
        routes={"r": [{"strategy": "round_robin", "deployments": [{"provider": "a", "model": "m1"}]}]},
    )
    rig = Rig(tmp_path, fake_clock, snap, workers=30, capacity=slots_needed(snap, 30))
    for worker in (0, 29):
        for model in ("r", *(f"m{n}" for n in range(20))):
            choice = rig.choice(rig.plan(model, worker=worker))
            assert choice.candidate.health.in_flight() >= 1


def test_a_reload_changes_the_breakers_limits_and_keeps_its_state(rig: Rig) -> None:
    health = rig.health[0].deployment("a/m", Breaker(min_requests=1, error_ratio=0.1))
    health.breaker.record(True, 0, rig.clock.monotonic)
    assert health.breaker.opens_until()
    again = rig.health[0].deployment("a/m", Breaker(min_requests=5))
    assert again is health
    assert again.breaker.settings.min_requests == 5
    assert again.breaker.opens_until()


def test_states_show_what_the_workers_agree_on(rig: Rig) -> None:
    now = rig.clock.monotonic
    assert states(rig.files[0], rig.snapshot, now) == []
    plan = rig.plan("m", worker=2)
    choice = rig.choice(plan)
    plan.failed(choice, UpstreamError(Kind.RATE_LIMITED, "", retry_after_s=4))
    other = rig.choice(plan)
    plan.succeeded(other, 300_000_000)
    third = rig.choice(rig.plan("m"))
    assert third.credential == other.credential
    (state,) = states(rig.files[1], rig.snapshot, now)
    assert (state.id, state.provider, state.breaker, state.in_flight) == ("a/m", "a", "closed", 1)
    assert state.latency_s == pytest.approx(0.3)
    cooled = {each.id: (each.state, each.cooldown_left_s) for each in state.credentials}
    assert choice.credential is not None
    assert other.credential is not None
    assert cooled == {choice.credential.id: ("cooling_down", 4.0), other.credential.id: ("ok", 0.0)}


def test_states_of_breakers_and_rejections(rig: Rig) -> None:
    now = rig.clock.monotonic
    plan = rig.plan("m")
    choice = rig.choice(plan)
    plan.failed(choice, UpstreamError(Kind.CREDENTIAL_REJECTED, "", status=401))
    for _ in range(10):
        choice.candidate.health.breaker.record(True, 0, now)
    (state,) = states(rig.files[1], rig.snapshot, now)
    assert (state.breaker, state.open_left_s) == ("open", 5.0)
    assert sorted(each.state for each in state.credentials) == ["ok", "rejected"]
    (state,) = states(rig.files[1], rig.snapshot, now + 5 * SECOND)
    assert state.breaker == "half_open"


def test_a_peak_counts_at_once_and_fades() -> None:
    average = peak_average(0, 10**30, 100)
    assert average == 100
    assert peak_average(100, SECOND, 900) == 900
    after = peak_average(900, DECAY_NS, 100)
    assert after == int(900 / math.e + 100 * (1 - 1 / math.e))
    assert decayed(1_000, DECAY_NS) == pytest.approx(1_000 / math.e)
    assert decayed(1_000, -5) == 1_000


@given(st.lists(st.integers(0, 10**13), min_size=20, max_size=900), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_is_within_a_bucket_of_the_exact_one(observed: list[int], share: float) -> None:
    quantile = Quantile()
    for ns in observed:
        quantile.add(ns)
    exact = sorted(observed)[math.ceil(share * len(observed)) - 1]
    exact = min(max(exact, 100_000), 100_000 * 2**24)
    assert exact / 1.1 <= quantile.value(share) <= exact * 1.1


def test_a_quantile_follows_a_change() -> None:
    quantile = Quantile()
    for _ in range(5_000):
        quantile.add(10_000_000)
    for _ in range(5_000):
        quantile.add(1_000_000_000)
    assert quantile.value(0.5) > 900_000_000


def test_a_respawned_worker_touches_nobody_elses_slots(rig: Rig) -> None:
    slots = rig.files[0]
    foreign = slots.claim(12345)
    for field in range(15):
        slots.store(foreign, field, 1)
    Health(rig.files[1], 1)
    assert [slots.load(foreign, field) for field in range(15)] == [1] * 15
