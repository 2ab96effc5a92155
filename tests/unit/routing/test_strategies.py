"""How members of a group share the load."""

from collections import Counter
from pathlib import Path

import pytest
from tests.conftest import FakeClock
from tests.support.routing import Rig, local, snapshot

from fastgate.domain.failure import FailureKind as Kind
from fastgate.domain.failure import UpstreamError
from fastgate.routing.plan import Choice


def make(
    tmp_path: Path, clock: FakeClock, strategy: str, weights: tuple[int, ...] = (1, 1, 1), workers: int = 1
) -> Rig:
    names = ("a", "b", "c")[: len(weights)]
    deployments = [
        {"provider": name, "model": "m", "weight": weight}
        for name, weight in zip(names, weights, strict=True)
    ]
    return Rig(
        tmp_path,
        clock,
        snapshot(
            providers={name: local("m") for name in names},
            routes={"r": [{"strategy": strategy, "deployments": deployments}]},
            upstream={"retry_budget_ratio": 10},
        ),
        workers=workers,
    )


def first(rig: Rig, worker: int = 0, *, latency_ns: dict[str, int] | None = None) -> Choice:
    plan = rig.plan("r", worker=worker)
    choice = rig.choice(plan)
    if latency_ns is not None:
        plan.succeeded(choice, latency_ns[choice.provider.name])
    return choice


def test_weighted_shares(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, "weighted", (5, 3, 2))
    counts = Counter(first(rig).provider.name for _ in range(4000))
    assert counts["a"] == pytest.approx(2000, rel=0.08)
    assert counts["b"] == pytest.approx(1200, rel=0.08)
    assert counts["c"] == pytest.approx(800, rel=0.1)


def test_a_walk_meets_every_member_once(tmp_path: Path, fake_clock: FakeClock) -> None:
    for strategy in ("weighted", "least_busy", "lowest_latency", "round_robin"):
        rig = make(tmp_path, fake_clock, strategy)
        seen = rig.walk(rig.plan("r"))
        assert sorted(seen[:3]) == ["a/m:c1", "b/m:c1", "c/m:c1"]
        assert seen[3] == "wait"


def test_round_robin_is_shared_by_the_workers(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, "round_robin", workers=2)
    assert [first(rig, turn % 2).provider.name for turn in range(7)] == list("abcabca")


def test_round_robin_goes_on_in_its_order(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, "round_robin")
    rig.choice(rig.plan("r"))
    assert rig.walk(rig.plan("r"))[:3] == ["b/m:c1", "c/m:c1", "a/m:c1"]


def test_least_busy_counts_all_workers_and_weights(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, "least_busy", (2, 1), workers=2)
    counts = Counter(first(rig, turn % 2).provider.name for turn in range(30))
    assert counts == {"a": 20, "b": 10}


def test_lowest_latency_prefers_the_fast_and_still_shares(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, "lowest_latency", (1, 1))
    speeds = {"a": 100_000_000, "b": 400_000_000}
    assert {first(rig, latency_ns=speeds).provider.name for _ in range(2)} == {"a", "b"}
    assert {first(rig, latency_ns=speeds).provider.name for _ in range(20)} == {"a"}
    in_flight = [first(rig).provider.name for _ in range(10)]
    assert Counter(in_flight)["a"] == pytest.approx(8, abs=1)


def test_a_slow_answer_is_forgotten_in_time(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, "lowest_latency", (1, 1))
    once_slow = {"a": 9_000_000_000, "b": 100_000_000}
    for _ in range(5):
        first(rig, latency_ns=once_slow)
    usual = {"a": 100_000_000, "b": 100_000_000}
    seen = set()
    for _ in range(80):
        fake_clock.advance(1)
        seen.add(first(rig, latency_ns=usual).provider.name)
    assert seen == {"a", "b"}


def test_a_new_deployment_is_not_flooded_before_its_first_answer(
    tmp_path: Path,
    fake_clock: FakeClock,
) -> None:
    rig = make(tmp_path, fake_clock, "lowest_latency", (1, 1))
    plan = rig.plan("a/m")
    plan.succeeded(rig.choice(plan), 10_000_000)
    counts = Counter(first(rig).provider.name for _ in range(20))
    assert counts["b"] <= 2


def test_members_that_are_out_are_passed_over(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, "round_robin", workers=2)
    plan = rig.plan("b/m")
    plan.failed(rig.choice(plan), UpstreamError(Kind.RATE_LIMITED, "", retry_after_s=60))
    names = [first(rig, 1).provider.name for _ in range(30)]
    assert set(names) == {"a", "c"}


def test_credentials_are_chosen_by_weight(tmp_path: Path, fake_clock: FakeClock) -> None:
    credentials = [{"id": "main", "secret": "x", "weight": 3}, {"id": "spare", "secret": "y"}]
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"a": {**local("m"), "credentials": credentials}}))
    used = [rig.choice(rig.plan("m")).credential for _ in range(2000)]
    assert sum(1 for each in used if each is not None and each.id == "main") == pytest.approx(1500, rel=0.06)
