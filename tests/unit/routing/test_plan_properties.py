"""No order of attempts occurs but the documented one, whatever fails, in whatever shape of route."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import FakeClock
from tests.support.routing import SECOND, Rig, local, snapshot

from fastgate import clock
from fastgate.domain.failure import FailureKind as Kind
from fastgate.domain.failure import Scope, UpstreamError
from fastgate.errors import GatewayError
from fastgate.routing.plan import AT_ONCE, FINAL, Choice, Plan, Wait

KINDS = st.sampled_from([kind for kind in Kind if kind is not Kind.BETWEEN_CHUNKS_TIMEOUT])
STRATEGIES = st.sampled_from(["weighted", "least_busy", "lowest_latency", "round_robin"])
RETRY_AFTER = st.sampled_from([None, 0.0, 0.5, 3.0, 100.0])


@st.composite
def routes(draw: st.DrawFn) -> dict[str, Any]:
    """Providers with 0 to 3 credentials and 0 to 2 retries, in up to 3 groups; a provider may come again."""
    names = [f"p{number}" for number in range(draw(st.integers(1, 5)))]
    providers = {
        name: local(
            "m",
            credentials=draw(st.integers(0, 3)),
            retries={"max": draw(st.integers(0, 2)), "max_retry_after_s": 4},
            breaker={"min_requests": 3, "open_s": 2},
        )
        for name in names
    }
    groups = [
        {
            "strategy": draw(STRATEGIES),
            "deployments": [
                {"provider": name, "model": "m"}
                for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True))
            ],
        }
        for _ in range(draw(st.integers(1, 3)))
    ]
    return {
        "providers": providers,
        "routes": {"r": groups},
        "upstream": {"retry_budget_ratio": 10, "retry_budget_min_per_s": 10_000},
    }


@dataclass
class Oracle:
    """What docs/routing.md says, kept by the test itself from what it told the plan."""

    group_of: dict[str, int]
    retries: dict[str, int]
    group: int = 0
    walk: list[str] = field(default_factory=list)
    attempts: Counter[str] = field(default_factory=Counter)
    cooled: dict[tuple[str, str], int] = field(default_factory=dict)
    last: tuple[str, str, Kind] | None = None
    at_once: set[str] = field(default_factory=set)

    def saw(self, choice: Choice, now: int) -> None:
        name = choice.provider.name
        credential = "" if choice.credential is None else choice.credential.id
        assert self.cooled.get((name, credential), 0) <= now
        if self.last is not None and self.last[0] == name and self.walk:
            _, before, kind = self.last
            if kind in AT_ONCE:
                assert name not in self.at_once
                assert credential == before
                self.at_once.add(name)
                self.attempts[name] += 1
            else:
                assert UpstreamError(kind, "").scope is Scope.CREDENTIAL
                assert credential != before
        else:
            assert name not in self.walk
            assert self.group_of[name] >= self.group
            self.group = self.group_of[name]
            self.attempts[name] += 1
        self.walk.append(name)
        assert self.attempts[name] <= 1 + self.retries[name]

    def failed(self, choice: Choice, error: UpstreamError, now: int) -> None:
        name = choice.provider.name
        credential = "" if choice.credential is None else choice.credential.id
        self.last = (name, credential, error.kind)
        if error.kind is Kind.RATE_LIMITED or (error.kind is Kind.CREDENTIAL_REJECTED and not credential):
            seconds = 10 if error.retry_after_s is None else error.retry_after_s
            self.cooled[name, credential] = now + int(seconds * SECOND)
        elif error.kind is Kind.CREDENTIAL_REJECTED:
            self.cooled[name, credential] = 1 << 62

    def waited(self) -> None:
        self.walk, self.group, self.last = [], 0, None


@given(sections=routes(), data=st.data(), seed=st.integers(0, 1000))
def test_only_the_documented_order(
    tmp_path_factory: pytest.TempPathFactory,
    sections: dict[str, Any],
    data: st.DataObject,
    seed: int,
) -> None:
    fake = FakeClock()
    clock.install(lambda: fake.monotonic, lambda: fake.wall)
    try:
        rig = Rig(tmp_path_factory.mktemp("slots"), fake, snapshot(**sections), seed=seed)
        for _ in range(data.draw(st.integers(1, 4), "requests")):
            one_request(rig, sections, data)
            fake.advance(data.draw(st.sampled_from([0.0, 1.0, 5.0])))
    finally:
        clock.reset()


def next_step(plan: Plan, now: int) -> Choice | Wait | GatewayError | None:
    try:
        return plan.next(now)
    except GatewayError as refusal:
        return refusal


def one_request(rig: Rig, sections: dict[str, Any], data: st.DataObject) -> None:
    group_of: dict[str, int] = {}
    for number, group in enumerate(sections["routes"]["r"]):
        for member in group["deployments"]:
            group_of.setdefault(member["provider"], number)
    retries = {name: given["retries"]["max"] for name, given in sections["providers"].items()}
    oracle = Oracle(group_of, retries)
    oracle.cooled = rig.__dict__.setdefault("cooled", {})
    plan = rig.plan("r")
    over = waits = 0
    while True:
        now = rig.clock.monotonic
        step = next_step(plan, now)
        if isinstance(step, GatewayError):
            assert (step.code, sum(oracle.attempts.values())) == ("no_healthy_deployment", 0)
            return
        if step is None:
            break
        assert not over
        if isinstance(step, Wait):
            waits += 1
            assert waits <= max(retries.values())
            assert 0 <= step.seconds <= 5
            rig.clock.advance(step.seconds + 1e-6)
            oracle.waited()
            continue
        oracle.saw(step, now)
        if data.draw(st.integers(0, 9), "success") == 0:
            plan.succeeded(step, 1_000_000)
            break
        error = UpstreamError(
            data.draw(KINDS, "kind"), "scripted", retry_after_s=data.draw(RETRY_AFTER, "retry after")
        )
        plan.failed(step, error)
        oracle.failed(step, error, rig.clock.monotonic)
        over = error.scope is Scope.REQUEST or error.kind in FINAL
    for health in rig.health[0]._deployments.values():
        assert health.in_flight() == 0


@given(sections=routes(), seed=st.integers(0, 1000))
def test_a_healthy_walk_is_the_groups_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    sections: dict[str, Any],
    seed: int,
) -> None:
    for provider in sections["providers"].values():
        provider["retries"] = {"max": 0}
        provider["breaker"] = {"min_requests": 10_000}
    fake = FakeClock()
    rig = Rig(tmp_path_factory.mktemp("slots"), fake, snapshot(**sections), seed=seed)
    expected: list[set[str]] = []
    seen: set[str] = set()
    for group in sections["routes"]["r"]:
        new = {member["provider"] for member in group["deployments"]} - seen
        seen |= new
        expected.append(new)
    walked = [name.split("/")[0] for name in rig.walk(rig.plan("r"))]
    start = 0
    for members in expected:
        assert set(walked[start : start + len(members)]) == members
        start += len(members)
    assert start == len(walked)


@given(failing=st.sets(st.integers(0, 3)), seed=st.integers(0, 1000))
def test_a_request_is_served_whenever_anything_works(
    tmp_path_factory: pytest.TempPathFactory,
    failing: Any,
    seed: int,
) -> None:
    names = [f"p{number}" for number in range(4)]
    groups = [
        {"deployments": [{"provider": name, "model": "m"} for name in names[:2]]},
        {"deployments": [{"provider": name, "model": "m"} for name in names[2:]]},
    ]
    fake = FakeClock()
    rig = Rig(
        tmp_path_factory.mktemp("slots"),
        fake,
        snapshot(
            providers={name: local("m") for name in names},
            routes={"r": groups},
            upstream={"retry_budget_ratio": 10},
        ),
        seed=seed,
    )
    rng = random.Random(seed)
    plan = rig.plan("r")
    while isinstance(step := plan.next(fake.monotonic), Choice):
        number = int(step.provider.name[1:])
        if number not in failing:
            return
        plan.failed(step, UpstreamError(rng.choice([Kind.SERVER_ERROR, Kind.RATE_LIMITED, Kind.TLS]), ""))
    assert failing == {0, 1, 2, 3}
