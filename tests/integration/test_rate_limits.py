"""Rate limits over several workers, as clients and providers see them."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.counting_provider import CountingProvider
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config, provider_config
from tests.support.load import Answer, Connection, Hammer, accepted_by
from tests.support.money import answer_error
from tests.support.processes import in_thread
from tests.support.raw_client import chat_body, exchange, request

CALL = request(chat_body())
OTHER_SECRET = f"{SECRET}other"


@pytest.fixture
def provider() -> Iterator[CountingProvider]:
    with CountingProvider() as provider:
        yield provider


def config(provider: CountingProvider, *, workers: int = 2, **more: Any) -> dict[str, Any]:
    return gateway_config(
        {"fake": provider_config(provider.url, "gpt-4o", "gpt-other")},
        workers=workers,
        unpriced="allow",
        **more,
    )


def limited(provider: CountingProvider, caps: dict[str, Any], **more: Any) -> dict[str, Any]:
    found = config(provider, **more)
    found["virtual_keys"][0]["rate_limit"] = caps
    return found


def judged(answer: Answer) -> str:
    if answer.status == 200 and answer.complete:
        return "served"
    limited = answer.status == 429 and answer_error(bytes(answer.body))["code"] == "rate_limit_exceeded"
    return "refused" if limited else f"bad {answer}"


async def hammered(url: str, secret: str, seconds: float, *, clients: int = 16) -> tuple[int, float]:
    """How many calls were served, and the time in which they were."""
    hammer = Hammer(url, itertools.repeat(request(chat_body(user=secret[-8:]), secret=secret)), judged)
    began = time.monotonic()
    running = asyncio.create_task(hammer.run(clients))
    while time.monotonic() < began + seconds:
        await hammer.more(10)
    hammer.stop()
    await running
    assert set(hammer.outcomes) <= {"served", "refused"}
    return hammer.outcomes["served"], time.monotonic() - began


@pytest.mark.parametrize(
    ("window", "rate", "burst"), [("second", 40, 10), ("minute", 20, 30)], ids=["second", "minute"]
)
async def test_what_four_workers_let_through(
    provider: CountingProvider, tmp_path: Path, window: str, rate: int, burst: int
) -> None:
    """Never more than burst + rate · t in any window, and not less where there is more to do."""
    limit = f"requests_per_{window}"
    limits = {limit: rate * {"second": 1, "minute": 60}[window], "burst": {limit: burst}}
    with GatewayProcess(limited(provider, limits, workers=4), tmp_path) as gateway:
        served, seconds = await hammered(gateway.url, SECRET, 3.0)
    assert served == len(provider.seen)
    assert burst + rate * (seconds - 0.5) < served <= burst + rate * seconds
    # The provider sees a call some moments after it was let through.
    moments_s = 0.2
    times = [seen.at_ns / 1e9 for seen in provider.seen]
    for first, last in itertools.combinations(range(len(times)), 2):
        assert last - first + 1 <= burst + rate * (times[last] - times[first] + moments_s)


# --- what the client is told --------------------------------------------------------------------------


async def test_a_refusal_says_which_limit_it_was_and_when_to_come_back(
    provider: CountingProvider, tmp_path: Path
) -> None:
    limits = {"requests_per_minute": 20, "burst": {"requests_per_minute": 2}}
    with GatewayProcess(limited(provider, limits), tmp_path) as gateway:
        first = await exchange(gateway.url, CALL)
        assert first.status == 200
        assert first.header("x-ratelimit-limit-requests") == "20"
        assert first.header("x-ratelimit-remaining-requests") == "1"
        reset = first.header("x-ratelimit-reset-requests")
        assert reset is not None
        assert 2.0 < float(reset.removesuffix("s")) <= 3.0
        assert (await exchange(gateway.url, CALL)).status == 200

        refused = await exchange(gateway.url, CALL)
        assert refused.status == 429
        error = refused.error()
        assert (error["code"], error["type"]) == ("rate_limit_exceeded", "rate_limit_error")
        assert error["message"] == (
            "The limit of 20 requests per minute of virtual key vk_test is reached; try again in 3 s."
        )
        assert refused.header("retry-after") == "3"
        assert refused.header("x-ratelimit-limit-requests") == "20"
        assert refused.header("x-ratelimit-remaining-requests") == "0"
        assert len(provider.seen) == 2
        scrape = await gateway.ascrape()
        assert scrape.value("fastgate_limit_refusals_total", level="virtual_key") == 1


async def test_who_comes_back_when_told_so_is_not_early(provider: CountingProvider, tmp_path: Path) -> None:
    with GatewayProcess(limited(provider, {"requests_per_second": 1}), tmp_path) as gateway:
        assert (await exchange(gateway.url, CALL)).status == 200
        for _ in range(2):
            refused = await exchange(gateway.url, CALL)
            assert (refused.status, refused.header("retry-after")) == (429, "1")
            await asyncio.sleep(1)  # what a client does
            assert (await exchange(gateway.url, CALL)).status == 200


async def test_tokens_are_taken_by_the_estimate_and_put_right(
    provider: CountingProvider, tmp_path: Path
) -> None:
    with GatewayProcess(limited(provider, {"tokens_per_minute": 1_000}, workers=1), tmp_path) as gateway:
        call = request(chat_body(max_tokens=700))
        connection = await Connection.connect(gateway.url)
        for number in range(10):
            answer = await connection.call(call)
            assert answer.status == 200
            assert answer.headers["x-ratelimit-limit-tokens"] == "1000"
            # What this call took by the estimate, and what those before it have really consumed.
            used = 700 + number * (provider.input_tokens + provider.output_tokens)
            remaining = int(answer.headers["x-ratelimit-remaining-tokens"])
            assert 1_000 - used - 100 < remaining < 1_000 - used + 100
        too_much = await connection.call(request(chat_body(max_tokens=1_500)))
        assert too_much.status == 429
        assert too_much.headers["x-should-retry"] == "false"
        assert "retry-after" not in too_much.headers
        message = answer_error(bytes(too_much.body))["message"]
        assert "lets 1000 through at once" in message
        connection.close()


# --- waiting ------------------------------------------------------------------------------------------


async def test_a_request_may_wait(provider: CountingProvider, tmp_path: Path) -> None:
    limits = {"requests_per_second": 10, "burst": {"requests_per_second": 1}}
    queue = {"queue": {"max_wait_ms": 5_000}}
    with GatewayProcess(limited(provider, limits, limits=queue), tmp_path) as gateway:
        began = time.monotonic()
        answers = await asyncio.gather(*(exchange(gateway.url, CALL) for _ in range(11)))
        assert [answer.status for answer in answers] == [200] * 11
        assert 1.0 <= time.monotonic() - began < 4.0
        waited = await gateway.until_metric(
            lambda scrape: scrape.value("fastgate_limit_wait_seconds_count", level="virtual_key") >= 10
        )
        assert waited.value("fastgate_limit_refusals_total") == 0


async def test_who_would_wait_too_long_is_refused(provider: CountingProvider, tmp_path: Path) -> None:
    limits = {"requests_per_second": 2, "burst": {"requests_per_second": 1}}
    queue = {"queue": {"max_wait_ms": 700}}
    with GatewayProcess(limited(provider, limits, limits=queue, workers=1), tmp_path) as gateway:
        answers = await asyncio.gather(*(exchange(gateway.url, CALL) for _ in range(6)))
        assert sorted(answer.status for answer in answers) == [200, 200, 429, 429, 429, 429]


async def test_a_greedy_tenant_does_not_starve_a_modest_one(
    provider: CountingProvider, tmp_path: Path
) -> None:
    """Both share the limit of their customer: one with forty connections, one with a single one."""
    found = config(
        provider,
        customers=[
            {
                "id": "acme",
                "rate_limit": {"requests_per_second": 40, "burst": {"requests_per_second": 5}},
            }
        ],
        limits={"queue": {"max_wait_ms": 10_000}},
    )
    found["virtual_keys"] = [
        {"id": "greedy", "secret": SECRET, "customer_id": "acme"},
        {"id": "modest", "secret": OTHER_SECRET, "customer_id": "acme"},
    ]
    with GatewayProcess(found, tmp_path) as gateway:
        greedy = asyncio.create_task(hammered(gateway.url, SECRET, 4.0, clients=40))
        connection = await Connection.connect(gateway.url)
        waits = []
        began = time.monotonic()
        while (now := time.monotonic()) < began + 3.5:
            answer = await connection.call(request(chat_body(), secret=OTHER_SECRET))
            assert answer.status == 200
            waits.append(time.monotonic() - now)
        connection.close()
        served, seconds = await greedy
    # By connections its share would be one call a second, each after a second in the queue.
    assert len(waits) / 3.5 > 5
    assert sorted(waits)[len(waits) * 99 // 100] < 0.5
    assert served / seconds > 15


# --- what is concurrent -------------------------------------------------------------------------------


async def test_concurrent_requests_of_a_worker_that_dies(provider: CountingProvider, tmp_path: Path) -> None:
    provider.delay_s = 30
    with GatewayProcess(limited(provider, {"concurrent_requests": 4}), tmp_path) as gateway:
        connections = [await Connection.connect(gateway.url) for _ in range(4)]
        for connection in connections:
            connection.send(CALL)
        await in_thread(lambda: provider.until(lambda: len(provider.seen) == 4))
        refused = await exchange(gateway.url, CALL)
        assert refused.status == 429
        assert "4 concurrent requests" in refused.error()["message"]

        pids = gateway.pids()
        held = {name: accepted_by(pids[name], connections) for name in ("worker-1", "worker-2")}
        doomed = max(held, key=lambda name: len(held[name]))
        gateway.kill(doomed)
        free = len(held[doomed])
        assert free

        # Those of the other worker go on, and count on.
        seen = len(provider.seen)
        again = [await until_admitted(gateway, provider) for _ in range(free)]
        assert len(provider.seen) == seen + free
        assert (await exchange(gateway.url, CALL)).status == 429
        for connection in (*connections, *again):
            connection.close()
        provider.delay_s = 0
        for connection in [await until_admitted(gateway, provider) for _ in range(4)]:
            connection.close()


async def until_admitted(gateway: GatewayProcess, provider: CountingProvider) -> Connection:
    """A connection whose call the provider has: who is refused asks again."""
    for _ in range(200):
        seen = len(provider.seen)
        connection = await Connection.connect(gateway.url)
        connection.send(CALL)
        with contextlib.suppress(TimeoutError):
            await connection.done(0.5)
        if len(provider.seen) > seen:
            return connection
        assert connection.answer.status == 429, connection.answer
        connection.close()
        await asyncio.sleep(0.05)
    raise AssertionError("it is never admitted")


# --- parts of the traffic -----------------------------------------------------------------------------


async def test_limits_of_a_key_for_a_model_and_for_a_provider(
    provider: CountingProvider, tmp_path: Path
) -> None:
    found = config(provider)
    found["providers"]["spare"] = provider_config(provider.url, "gpt-spare")
    found["virtual_keys"][0] |= {
        "model_limits": {"gpt-4*": {"requests_per_minute": 2}},
        "provider_limits": {"spare": {"requests_per_minute": 1}},
    }
    with GatewayProcess(found, tmp_path) as gateway:

        async def statuses(model: str, count: int) -> list[int]:
            calls = [await exchange(gateway.url, request(chat_body(model=model))) for _ in range(count)]
            return [call.status for call in calls]

        assert await statuses("gpt-4o", 3) == [200, 200, 429]
        assert await statuses("gpt-other", 3) == [200, 200, 200]
        assert await statuses("gpt-spare", 2) == [200, 429]
        refused = await exchange(gateway.url, request(chat_body(model="gpt-spare")))
        assert "virtual key vk_test (provider=spare)" in refused.error()["message"]
        assert refused.header("retry-after") == "60"


async def test_limits_of_a_provider_steer_to_another(provider: CountingProvider, tmp_path: Path) -> None:
    """Before the provider has to refuse anything; where all are taken, the client learns how long to wait."""
    limits = {"requests_per_minute": 4, "burst": {"requests_per_minute": 3}}
    found = config(provider)
    found["providers"] = {
        name: {
            "dialect": "openai",
            "base_url": provider.url,
            "credentials": [{"id": "main", "secret": f"secret-of-{name}"}],
            "deployments": [{"model": "gpt-4o", "limits": limits}],
        }
        for name in ("first", "second")
    }
    found["routes"] = {
        "gpt-4o": [{"deployments": [{"provider": name, "model": "gpt-4o"}]} for name in ("first", "second")]
    }
    with GatewayProcess(found, tmp_path) as gateway:
        answers = [await exchange(gateway.url, CALL) for _ in range(7)]
        assert [answer.status for answer in answers] == [200] * 6 + [429]
        assert [answer.header("x-fastgate-provider") for answer in answers[:6]] == ["first"] * 3 + [
            "second"
        ] * 3
        assert answers[-1].header("retry-after") == "15"
        assert "deployment first/gpt-4o" in answers[-1].error()["message"]
    assert [seen.secret for seen in provider.seen] == ["secret-of-first"] * 3 + ["secret-of-second"] * 3
