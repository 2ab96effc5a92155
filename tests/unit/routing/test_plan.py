"""The failover contract of docs/routing.md, row by row."""

from pathlib import Path
from typing import Any

import pytest
from tests.conftest import FakeClock
from tests.support.routing import Rig, local, name_of, snapshot

from fastgate.domain.endpoint import Endpoint
from fastgate.domain.failure import FailureKind as Kind
from fastgate.domain.failure import UpstreamError
from fastgate.domain.snapshot import Provider
from fastgate.errors import GatewayError
from fastgate.routing.plan import Choice, Wait

ROUTE = {
    "r": [
        {"deployments": [{"provider": "a", "model": "m"}]},
        {"deployments": [{"provider": "b", "model": "m"}]},
    ]
}
GOES_ON = [
    Kind.DNS,
    Kind.CONNECT_TIMEOUT,
    Kind.TLS,
    Kind.POOL_TIMEOUT,
    Kind.RESET_MID_BODY,
    Kind.TRUNCATED,
    Kind.HEADERS_TIMEOUT,
    Kind.FIRST_CONTENT_TIMEOUT,
    Kind.PROTOCOL,
    Kind.REDIRECT,
    Kind.SERVER_ERROR,
    Kind.STREAM_ERROR,
]
ENDS = [Kind.CLIENT_ERROR, Kind.RESPONSE_TOO_LARGE, Kind.DEADLINE, Kind.CANCELLED]


def make(
    tmp_path: Path,
    clock: FakeClock,
    *,
    credentials: int = 1,
    workers: int = 1,
    retries: dict[str, Any] | None = None,
    **more: Any,
) -> Rig:
    given = {"retries": retries} if retries is not None else {}
    providers = {name: local("m", credentials=credentials, **given, **more) for name in ("a", "b")}
    upstream = {"retry_budget_ratio": 10, "retry_budget_min_per_s": 1000}
    return Rig(
        tmp_path, clock, snapshot(providers=providers, routes=ROUTE, upstream=upstream), workers=workers
    )


def error(kind: Kind, **more: Any) -> UpstreamError:
    return UpstreamError(kind, "scripted", **more)


@pytest.mark.parametrize("kind", GOES_ON)
def test_a_deployments_failure_goes_on_to_the_next_and_then_waits(
    tmp_path: Path, fake_clock: FakeClock, kind: Kind
) -> None:
    rig = make(tmp_path, fake_clock)
    assert rig.walk(rig.plan("r"), kind) == ["a/m:c1", "b/m:c1", "wait", "a/m:c1", "b/m:c1"]


@pytest.mark.parametrize("kind", GOES_ON)
def test_no_retries_means_each_deployment_once(tmp_path: Path, fake_clock: FakeClock, kind: Kind) -> None:
    rig = make(tmp_path, fake_clock, retries={"max": 0})
    assert rig.walk(rig.plan("r"), kind) == ["a/m:c1", "b/m:c1"]


@pytest.mark.parametrize("kind", ENDS)
def test_what_another_deployment_cannot_mend_ends_the_plan(
    tmp_path: Path, fake_clock: FakeClock, kind: Kind
) -> None:
    rig = make(tmp_path, fake_clock)
    assert rig.walk(rig.plan("r"), kind) == ["a/m:c1"]


@pytest.mark.parametrize("kind", [Kind.CONNECT_REFUSED, Kind.RESET_BEFORE_RESPONSE])
def test_a_lost_connection_is_retried_at_once_and_once(
    tmp_path: Path, fake_clock: FakeClock, kind: Kind
) -> None:
    rig = make(tmp_path, fake_clock)
    assert rig.walk(rig.plan("r"), kind) == ["a/m:c1", "a/m:c1", "b/m:c1", "b/m:c1"]


def test_a_retry_at_once_counts_as_a_retry(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, retries={"max": 2})
    seen = rig.walk(rig.plan("r"), Kind.CONNECT_REFUSED)
    assert seen == ["a/m:c1", "a/m:c1", "b/m:c1", "b/m:c1", "wait", "a/m:c1", "b/m:c1"]
    rig = make(tmp_path, fake_clock, retries={"max": 0})
    assert rig.walk(rig.plan("r"), Kind.CONNECT_REFUSED) == ["a/m:c1", "b/m:c1"]


def test_a_rate_limit_goes_to_the_next_credential_then_to_the_next_deployment(
    tmp_path: Path, fake_clock: FakeClock
) -> None:
    rig = make(tmp_path, fake_clock, credentials=2)
    seen = rig.walk(rig.plan("r"), Kind.RATE_LIMITED, retry_after_s=100)
    assert [name.split(":")[0] for name in seen] == ["a/m", "a/m", "b/m", "b/m"]
    assert len(set(seen)) == 4


def test_a_rate_limited_credential_is_skipped_by_all_workers_until_it_returns(
    tmp_path: Path, fake_clock: FakeClock
) -> None:
    rig = make(tmp_path, fake_clock, workers=2)
    plan = rig.plan("r")
    plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED, retry_after_s=2))
    for worker in (0, 1):
        assert name_of(rig.choice(rig.plan("r", worker=worker))) == "b/m:c1"
    fake_clock.advance(1.9)
    assert name_of(rig.choice(rig.plan("r", worker=1))) == "b/m:c1"
    fake_clock.advance(0.2)
    assert name_of(rig.choice(rig.plan("r", worker=1))) == "a/m:c1"


def test_without_retry_after_the_setting_is_taken(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, breaker={"cooldown_429_s": 3})
    plan = rig.plan("a/m")
    plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED))
    fake_clock.advance(2.9)
    with pytest.raises(GatewayError):
        rig.plan("a/m").next(fake_clock.monotonic)
    fake_clock.advance(0.2)
    assert isinstance(rig.plan("a/m").next(fake_clock.monotonic), Choice)


def test_a_rate_limit_on_one_model_leaves_the_others_alone(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"a": local("m", "n")}))
    plan = rig.plan("m")
    plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED, retry_after_s=50))
    assert name_of(rig.choice(rig.plan("n"))) == "a/n:c1"


def test_an_absurd_retry_after_does_not_take_a_credential_away_for_good(
    tmp_path: Path, fake_clock: FakeClock
) -> None:
    for seconds in (1e30, float("inf")):
        rig = make(tmp_path, fake_clock)
        plan = rig.plan("a/m")
        plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED, retry_after_s=seconds))
        fake_clock.advance(3601)
        assert name_of(rig.choice(rig.plan("a/m"))) == "a/m:c1"
    for seconds in (-5.0, float("nan")):
        rig = make(tmp_path, fake_clock)
        plan = rig.plan("a/m")
        plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED, retry_after_s=seconds))
        assert name_of(rig.choice(rig.plan("a/m"))) == "a/m:c1"


@pytest.mark.parametrize(("status", "elsewhere"), [(401, "b/m:c1"), (403, "b/m:c1")])
def test_a_rejected_credential_is_out_for_good_in_all_workers(
    tmp_path: Path, fake_clock: FakeClock, status: Any, elsewhere: Any
) -> None:
    rig = make(tmp_path, fake_clock, workers=2)
    plan = rig.plan("r")
    plan.failed(rig.choice(plan), error(Kind.CREDENTIAL_REJECTED, status=status))
    assert name_of(rig.choice(plan)) == elsewhere
    fake_clock.advance(1_000_000)
    assert name_of(rig.choice(rig.plan("r", worker=1))) == elsewhere
    with pytest.raises(GatewayError) as caught:
        rig.plan("a/m", worker=1).next(fake_clock.monotonic)
    assert caught.value.code == "no_healthy_deployment"
    assert caught.value.headers == ()


@pytest.mark.parametrize(("status", "other_model_works"), [(401, False), (403, True)])
def test_401_is_about_the_credential_and_403_about_the_model(
    tmp_path: Path, fake_clock: FakeClock, status: Any, other_model_works: Any
) -> None:
    rig = Rig(tmp_path, fake_clock, snapshot(providers={"a": local("m", "n")}))
    plan = rig.plan("m")
    plan.failed(rig.choice(plan), error(Kind.CREDENTIAL_REJECTED, status=status))
    plan = rig.plan("n")
    assert plan.explain()[0].usable is other_model_works


def test_a_new_secret_is_not_the_rejected_one(tmp_path: Path, fake_clock: FakeClock) -> None:
    path = tmp_path / "key"
    given = {"a": local("m") | {"credentials": [{"id": "c1", "secret": f"file:{path}"}]}}
    path.write_text("old")
    rig = Rig(tmp_path, fake_clock, snapshot(providers=given))
    plan = rig.plan("m")
    plan.failed(rig.choice(plan), error(Kind.CREDENTIAL_REJECTED, status=401))
    path.write_text("renewed")
    rig.reload(snapshot(providers=given))
    assert name_of(rig.choice(rig.plan("m"))) == "a/m:c1"


def minted_twice(tmp_path: Path, fake_clock: FakeClock) -> Rig:
    logins = [{"id": f"c{n}", "azure": {"managed_identity": True, "client_id": f"i{n}"}} for n in (1, 2)]
    azure = {"base_url": "http://127.0.0.1:9", "models": ["m"], "credentials": logins}
    return Rig(tmp_path, fake_clock, snapshot(providers={"azure": azure}), workers=2)


@pytest.mark.parametrize("status", [401, 403])
def test_a_minted_secret_that_is_rejected_pauses(tmp_path: Path, fake_clock: FakeClock, status: int) -> None:
    """Another one is minted before long, under the same configuration."""
    rig = minted_twice(tmp_path, fake_clock)
    assert set(rig.walk(rig.plan("m"), Kind.CREDENTIAL_REJECTED, status=status)[:2]) == {
        "azure/m:c1",
        "azure/m:c2",
    }
    assert rig.plan("m", worker=1).explain()[0].reason == "credentials_cooling_down"
    fake_clock.advance(60)
    assert rig.plan("m", worker=1).explain()[0].usable


def test_a_secret_that_this_worker_does_not_have_says_nothing_of_the_others(
    tmp_path: Path, fake_clock: FakeClock
) -> None:
    rig = minted_twice(tmp_path, fake_clock)
    plan = rig.plan("m")
    first = rig.choice(plan)
    plan.failed(first, error(Kind.CREDENTIAL_UNAVAILABLE))
    second = rig.choice(plan)
    assert {name_of(first), name_of(second)} == {"azure/m:c1", "azure/m:c2"}
    plan.failed(second, error(Kind.CREDENTIAL_UNAVAILABLE))
    assert rig.plan("m").explain()[0].usable
    assert rig.plan("m", worker=1).explain()[0].usable


def test_without_credentials_a_rate_limit_cools_the_deployment_down(
    tmp_path: Path, fake_clock: FakeClock
) -> None:
    rig = make(tmp_path, fake_clock, credentials=0, workers=2)
    plan = rig.plan("r")
    plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED, retry_after_s=5))
    assert name_of(rig.choice(plan)) == "b/m"
    assert name_of(rig.choice(rig.plan("r", worker=1))) == "b/m"
    assert rig.plan("r").explain()[0].reason == "cooling_down"


def test_the_wait_is_at_least_the_shortest_retry_after(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock)
    plan = rig.plan("r")
    plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED, retry_after_s=9))
    plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED, retry_after_s=4))
    step = plan.next(fake_clock.monotonic)
    assert isinstance(step, Wait)
    assert 4 <= step.seconds <= 4.2
    fake_clock.advance(step.seconds)
    assert name_of(rig.choice(plan)) == "b/m:c1"


def test_a_retry_after_beyond_the_limit_is_not_waited_for(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, retries={"max": 3, "max_retry_after_s": 5})
    plan = rig.plan("a/m")
    plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED, retry_after_s=5.1))
    assert plan.next(fake_clock.monotonic) is None


def test_retry_after_of_a_503_is_waited_for_by_this_request_alone(
    tmp_path: Path, fake_clock: FakeClock
) -> None:
    rig = make(tmp_path, fake_clock)
    plan = rig.plan("a/m")
    plan.failed(rig.choice(plan), error(Kind.SERVER_ERROR, status=503, retry_after_s=7))
    step = plan.next(fake_clock.monotonic)
    assert isinstance(step, Wait)
    assert step.seconds >= 7
    assert name_of(rig.choice(rig.plan("a/m"))) == "a/m:c1"


def test_backoff_grows_with_full_jitter(tmp_path: Path, fake_clock: FakeClock) -> None:
    retries = {"max": 4, "backoff_initial_ms": 100, "backoff_max_ms": 300}
    rig = make(tmp_path, fake_clock, retries=retries, breaker={"min_requests": 10_000})
    waits: list[list[float]] = [[], [], [], []]
    for _ in range(200):
        plan = rig.plan("a/m")
        for turn in range(4):
            plan.failed(rig.choice(plan), error(Kind.SERVER_ERROR))
            step = plan.next(fake_clock.monotonic)
            assert isinstance(step, Wait)
            waits[turn].append(step.seconds)
        plan.failed(rig.choice(plan), error(Kind.SERVER_ERROR))
        assert plan.next(fake_clock.monotonic) is None
    for seen, longest in zip(waits, (0.1, 0.2, 0.3, 0.3), strict=True):
        assert max(seen) <= longest
        assert max(seen) > 0.9 * longest
        assert min(seen) < 0.1 * longest


def test_nothing_healthy_says_when_to_come_back(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock)
    for provider, seconds in (("a", 8.2), ("b", 3.4)):
        plan = rig.plan(f"{provider}/m")
        plan.failed(rig.choice(plan), error(Kind.RATE_LIMITED, retry_after_s=seconds))
    plan = rig.plan("r")
    with pytest.raises(GatewayError) as caught:
        plan.next(fake_clock.monotonic)
    assert (caught.value.code, caught.value.status) == ("no_healthy_deployment", 503)
    assert caught.value.headers == ((b"retry-after", b"4"),)
    assert plan.next(fake_clock.monotonic) is None
    reasons = [each.reason for each in rig.plan("r").explain()]
    assert reasons == ["credentials_cooling_down", "credentials_cooling_down"]


def test_the_budget_ends_retries_but_never_first_attempts(tmp_path: Path, fake_clock: FakeClock) -> None:
    upstream = {"retry_budget_ratio": 0.5, "retry_budget_min_per_s": 0}
    providers = {name: local("m", breaker={"min_requests": 10_000}) for name in ("a", "b")}
    rig = Rig(tmp_path, fake_clock, snapshot(providers=providers, routes=ROUTE, upstream=upstream))
    attempts = [len(rig.walk(rig.plan("r"))) for _ in range(20)]
    assert min(attempts) == 1
    assert sum(attempts) == 30


def test_a_hedge_is_another_deployment_or_nothing(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock)
    plan = rig.plan("r")
    first, second = rig.choice(plan), rig.choice(plan)
    assert (name_of(first), name_of(second)) == ("a/m:c1", "b/m:c1")
    assert plan.next(fake_clock.monotonic) is None
    plan.abandoned(second)
    plan.failed(first, error(Kind.SERVER_ERROR))
    assert isinstance(plan.next(fake_clock.monotonic), Wait)


def test_credentials_of_two_open_attempts_are_not_mixed_up(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, credentials=2)
    plan = rig.plan("r")
    first, second = rig.choice(plan), rig.choice(plan)
    plan.failed(second, error(Kind.RATE_LIMITED, retry_after_s=0))
    third = rig.choice(plan)
    assert third.deployment.id == "b/m"
    assert third.credential != second.credential
    plan.failed(first, error(Kind.RATE_LIMITED, retry_after_s=0))
    fourth = rig.choice(plan)
    assert fourth.deployment.id == "a/m"
    assert fourth.credential != first.credential


def test_after_a_broken_stream_another_deployment_goes_on(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock)
    plan = rig.plan("r")
    first = rig.choice(plan)
    plan.succeeded(first, 1_000_000, keep_open=True)
    assert first.candidate.health.in_flight() == 1
    plan.broke_off(first, error(Kind.RESET_MID_BODY))
    assert first.candidate.health.in_flight() == 0
    assert name_of(rig.choice(plan)) == "b/m:c1"


@pytest.mark.parametrize("ending", ["succeeded", "failed", "abandoned", "ended", "broke_off"])
def test_in_flight_is_given_back_once_whatever_happens(
    tmp_path: Path, fake_clock: FakeClock, ending: Any
) -> None:
    rig = make(tmp_path, fake_clock)
    plan = rig.plan("r")
    choice = rig.choice(plan)
    health = choice.candidate.health
    assert health.in_flight() == 1
    for _ in range(2):
        match ending:
            case "succeeded":
                plan.succeeded(choice, 5)
            case "ended":
                plan.ended(choice)
            case "abandoned":
                plan.abandoned(choice)
            case _:
                getattr(plan, ending)(choice, error(Kind.SERVER_ERROR))
    assert health.in_flight() == 0


def test_p95_is_zero_until_enough_is_known(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock)
    for number in range(20):
        plan = rig.plan("a/m")
        choice = rig.choice(plan)
        assert plan.p95_ns(choice) == 0
        plan.succeeded(choice, (number + 1) * 10_000_000)
    plan = rig.plan("a/m")
    assert 190_000_000 <= plan.p95_ns(rig.choice(plan)) <= 210_000_000


def test_a_dry_run_changes_nothing(tmp_path: Path, fake_clock: FakeClock) -> None:
    sections: dict[str, Any] = {
        "providers": {name: local("m") for name in ("a", "b", "c")},
        "routes": {
            "turns": [
                {
                    "strategy": "round_robin",
                    "deployments": [{"provider": name, "model": "m"} for name in ("a", "b", "c")],
                }
            ]
        },
    }
    rig = Rig(tmp_path, fake_clock, snapshot(**sections))
    for expected in ("a", "b", "c", "a"):
        for _ in range(3):
            assert rig.plan("turns").explain()[0].deployment == f"{expected}/m"
        assert rig.choice(rig.plan("turns")).deployment.id == f"{expected}/m"


def test_an_open_breaker_is_not_waited_for(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, breaker={"min_requests": 1}, retries={"max": 3})
    assert rig.walk(rig.plan("a/m")) == ["a/m:c1"]
    assert rig.plan("a/m").explain()[0].reason == "breaker_open"


def test_the_next_walk_passes_over_what_asked_for_more_time(tmp_path: Path, fake_clock: FakeClock) -> None:
    rig = make(tmp_path, fake_clock, retries={"max": 2, "backoff_initial_ms": 0})
    plan = rig.plan("r")
    plan.failed(rig.choice(plan), error(Kind.SERVER_ERROR, status=503, retry_after_s=3))
    plan.failed(rig.choice(plan), error(Kind.SERVER_ERROR, status=503, retry_after_s=1))
    assert plan.next(fake_clock.monotonic) == Wait(1.0)
    fake_clock.advance(1)
    second = rig.choice(plan)
    assert name_of(second) == "b/m:c1"
    plan.failed(second, error(Kind.SERVER_ERROR, status=503, retry_after_s=30))
    assert plan.next(fake_clock.monotonic) == Wait(2.0)
    fake_clock.advance(2)
    assert name_of(rig.choice(plan)) == "a/m:c1"


def test_an_endpoint_is_native_where_every_deployment_has_it_for_its_model(
    tmp_path: Path, fake_clock: FakeClock
) -> None:
    plan = make(tmp_path, fake_clock, endpoints=["chat"]).plan("r")
    asked = []

    def speaks(provider: Provider, model: str) -> bool:
        asked.append((provider.name, model))
        return provider.name == "a"

    assert plan.natively(Endpoint.CHAT, lambda provider, model: True)
    assert not plan.natively(Endpoint.CHAT, speaks)
    assert asked == [("a", "m"), ("b", "m")]
    assert not plan.natively(Endpoint.COUNT_TOKENS, lambda provider, model: True)
