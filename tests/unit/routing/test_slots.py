"""The slots of what a reload took away are given free, and a full file is an answer and not a defect."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.conftest import FakeClock
from tests.support.events import Lines, recorded
from tests.support.routing import Rig, local, snapshot

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind as Kind
from fastgate.domain.failure import UpstreamError
from fastgate.domain.snapshot import Snapshot
from fastgate.errors import ConfigError, GatewayError
from fastgate.routing.slot_layout import check_room, release_unused, slots_needed

ROUTES = {
    "r": [{"strategy": "round_robin", "deployments": [{"provider": "a", "model": "m"}]}],
}


def of_file(path: Path, *models: str) -> Snapshot:
    """One credential, whose secret is in a file that changes with every call."""
    path.write_text("sk")
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000_000))
    given = local(*models, credentials=0)
    return snapshot(providers={"a": {**given, "credentials": [{"secret": f"file:{path}"}]}}, routes=ROUTES)


def use(rig: Rig, *models: str) -> None:
    for model in models:
        plan = rig.plan(model)
        plan.ended(rig.choice(plan))


def taken(rig: Rig) -> int:
    """How many slots have a key, found by filling the rest."""
    slots = rig.files[0]
    free: list[int] = []
    with suppress(OverflowError):
        free.extend(slots.claim(key) for key in range(1, slots.capacity + 1))
    for slot in free:
        slots.release(slot)
    return slots.capacity - len(free)


def test_a_secret_that_rotates_for_ever_needs_no_more_room(tmp_path: Path, fake_clock: FakeClock) -> None:
    before = of_file(tmp_path / "key", "m", "n")
    rig = Rig(tmp_path, fake_clock, before, capacity=24)
    use(rig, "r", "n")
    used = taken(rig)
    old: Snapshot | None = None
    for _ in range(50):
        new = of_file(tmp_path / "key", "m", "n")
        if old is not None:
            assert release_unused(rig.files[0], old, before) == ()
        rig.reload(new)
        use(rig, "r", "n")
        old, before = before, new
    assert taken(rig) == used + 3, "those of the generation before the last stay: two here, one everywhere"


def test_everything_of_a_provider_that_is_gone_is_given_free(tmp_path: Path, fake_clock: FakeClock) -> None:
    both = snapshot(providers={"a": local("m"), "b": local("n", credentials=3)}, routes=ROUTES)
    one = snapshot(providers={"a": local("m")})
    rig = Rig(tmp_path, fake_clock, one, workers=20)
    for worker in (0, 19):
        rig.plan("m", worker=worker)
    kept = taken(rig)
    rig.reload(both)
    for worker in (0, 19):
        for model in ("r", "n"):
            plan = rig.plan(model, worker=worker)
            plan.ended(rig.choice(plan))
    assert taken(rig) > kept
    assert release_unused(rig.files[0], both, one) == ()
    assert taken(rig) == kept


def test_a_deployment_with_a_stream_in_flight_keeps_its_slots(tmp_path: Path, fake_clock: FakeClock) -> None:
    both = snapshot(providers={"a": local("m"), "b": local("n")})
    one = snapshot(providers={"a": local("m")})
    rig = Rig(tmp_path, fake_clock, both)
    plan = rig.plan("n")
    choice = rig.choice(plan)
    assert release_unused(rig.files[0], both, one) == ("b/n",)
    assert choice.candidate.health.in_flight() == 1
    plan.succeeded(choice, 1)
    assert choice.candidate.health.in_flight() == 0
    assert release_unused(rig.files[0], both, one) == ()


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_stream_that_outlives_its_credential_harms_nobody(
    tmp_path: Path, fake_clock: FakeClock, status: int
) -> None:
    old, new = of_file(tmp_path / "key", "m"), of_file(tmp_path / "key", "m")
    rig = Rig(tmp_path, fake_clock, old)
    plan = rig.plan("m")
    choice = rig.choice(plan)
    plan.succeeded(choice, 1, keep_open=True)
    release_unused(rig.files[0], old, new)
    slots = rig.files[0]
    others = [slots.claim(key) for key in range(1, 480)]
    kind = Kind.RATE_LIMITED if status == 429 else Kind.CREDENTIAL_REJECTED
    plan.broke_off(choice, UpstreamError(kind, "late", status=status))
    assert [slots.load(slot, field) for slot in others for field in (0, 1)] == [0, 0] * len(others)


def test_a_deployment_that_comes_back_is_not_counted_in_anothers_slot(
    tmp_path: Path, fake_clock: FakeClock
) -> None:
    both = snapshot(providers={"a": local("m"), "b": local("n")})
    one = snapshot(providers={"a": local("m")})
    rig = Rig(tmp_path, fake_clock, both)
    use(rig, "n")
    release_unused(rig.files[0], both, one)
    others = [rig.files[0].claim(key) for key in range(1, 490)]
    rig.reload(both)
    choice = rig.choice(rig.plan("n"))
    assert choice.candidate.health.in_flight() == 1
    assert not any(rig.files[0].load(slot, field) for slot in others for field in range(15))


@pytest.fixture
def log_lines(tmp_path: Path) -> Iterator[Lines]:
    with recorded(tmp_path / "log") as lines:
        yield lines


@pytest.mark.parametrize("model", ["m0", "r"])
def test_no_room_is_an_honest_503_told_once(
    tmp_path: Path, fake_clock: FakeClock, log_lines: Lines, model: str
) -> None:
    given = local(*(f"m{n}" for n in range(3)))
    routes = {
        "r": [
            {"strategy": "round_robin", "deployments": [{"provider": "a", "model": f"m{n}"} for n in (1, 2)]}
        ]
    }
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"a": given}, routes=routes), capacity=9)
    for key in range(1, 8):
        rig.files[0].claim(key)
    for _ in range(3):
        with pytest.raises(GatewayError, match="no room") as caught:
            rig.plan(model)
        assert (caught.value.code, caught.value.status) == ("no_healthy_deployment", 503)
    with pytest.raises(GatewayError, match="no room"):
        rig.tables[0].pinned(
            deployment="a/m0", credential="c1", model="m0", key=None, endpoint=Endpoint.RESPONSES
        )
    assert [line["level"] for line in log_lines() if "no room" in line["message"]] == ["error"]


def test_room_is_checked_before() -> None:
    snap = snapshot(providers={"a": local("m", "n")})
    needed = slots_needed(snap, 4)
    check_room(snap, 4, needed)
    with pytest.raises(ConfigError, match=f"2 deployments .* need {needed} slots"):
        check_room(snap, 4, needed - 1)


def test_a_rejected_credential_is_told_once(tmp_path: Path, fake_clock: FakeClock, log_lines: Lines) -> None:
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"a": local("m", credentials=2)}), workers=2)
    plans = [rig.plan("m", worker=worker) for worker in (0, 1)]
    choices = [rig.choice(plan) for plan in plans]
    used = {choice.credential.id for choice in choices if choice.credential is not None}
    for plan, choice in zip(plans, choices, strict=True):
        plan.failed(choice, UpstreamError(Kind.CREDENTIAL_REJECTED, "no", status=401))
    told = [line for line in log_lines() if line["message"] == "credential rejected by the provider"]
    assert sorted(line["credential"] for line in told) == sorted(used)
    for line in told:
        assert (line["level"], line["provider"], line["deployment"], line["status"]) == (
            "warning",
            "a",
            "a/m",
            401,
        )


def test_the_breakers_turns_are_told_once(tmp_path: Path, fake_clock: FakeClock, log_lines: Lines) -> None:
    breaker = {"min_requests": 2, "open_s": 5}
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"a": local("m", breaker=breaker)}), workers=2)
    for worker in (0, 1):
        plan = rig.plan("m", worker=worker)
        plan.failed(rig.choice(plan), UpstreamError(Kind.SERVER_ERROR, "no", status=500))
    for failed in (True, False):
        fake_clock.advance(30)
        plan = rig.plan("m")
        choice = rig.choice(plan)
        if failed:
            plan.failed(choice, UpstreamError(Kind.SERVER_ERROR, "no", status=500))
        else:
            plan.succeeded(choice, 1)
    told = [(line["message"], line["deployment"], line.get("seconds")) for line in log_lines()]
    assert told == [
        ("breaker opened", "a/m", 5.0),
        ("breaker opened", "a/m", 10.0),
        ("breaker closed", "a/m", None),
    ]
