"""Limits of whoever calls: refused at once, or after a wait; what was taken is put right at the end."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from tests.support import replies
from tests.support.fake_provider import FakeProvider
from tests.support.replies import Gate, Reply, Wait
from tests.support.till import error_of, yearly
from tests.unit.pipeline.conftest import Open

WAITING = {"queue": {"max_wait_ms": 60_000, "max_waiting": 10}}
ONE = {"rate_limit": {"concurrent_requests": 1}}


def held(gate: Gate) -> Reply:
    return Reply((Wait(gate),)) + replies.chat_reply()


async def test_a_limit_of_requests(opened: Open, provider: FakeProvider) -> None:
    async with opened(key={"rate_limit": {"requests_per_hour": 2}}) as till:
        first, second, third = [await till.ask() for _ in range(3)]
        assert (first.status, second.status) == (200, 200)
        assert first.headers[b"x-ratelimit-limit-requests"] == b"2"
        assert first.headers[b"x-ratelimit-remaining-requests"] == b"1"
        status, code, message = error_of(third)
        assert (status, code) == (429, "rate_limit_exceeded")
        assert "2 requests per hour of virtual key vk_test" in message
        assert 1_700 < int(third.headers[b"retry-after"]) <= 1_800
        assert third.headers[b"x-ratelimit-remaining-requests"] == b"0"
        assert len(provider.requests) == 2
        assert (await till.scrape()).value("fastgate_limit_refusals_total", level="virtual_key") == 1


LEVELS: dict[str, dict[str, Any]] = {
    "team research": {"key": {"team_id": "research"}, "teams": [{"id": "research"}]},
    "customer acme": {"key": {"customer_id": "acme"}, "customers": [{"id": "acme"}]},
    "gateway": {"gateway": {}},
    "tag env=prod": {"key": {"tags": {"env": "prod"}}, "tag_budgets": [{"tags": {"env": "prod"}}]},
}


@pytest.mark.parametrize("owner", LEVELS)
async def test_each_level_refuses(opened: Open, owner: str) -> None:
    settings = dict(LEVELS[owner])
    section = next(name for name in settings if name != "key")
    limited = {"rate_limit": {"requests_per_day": 1}}
    given = settings[section]
    settings[section] = limited if section == "gateway" else [{**given[0], **limited}]
    async with opened(**settings) as till:
        assert (await till.ask()).status == 200
        status, _, message = error_of(await till.ask())
        assert status == 429
        assert f"of {owner} is reached" in message


async def test_tokens_are_put_right_when_they_are_known(opened: Open) -> None:
    """Taken for 4,096 of output, since the client sets no cap; the answer has 3, and the prompt 10."""
    async with opened(key={"rate_limit": {"tokens_per_day": 10_000}}) as till:
        for number in (1, 2, 3):
            talk = await till.ask()
            assert talk.status == 200
            remaining = int(talk.headers[b"x-ratelimit-remaining-tokens"])
            assert remaining <= 10_000 - 13 * (number - 1)
        left = int((await till.ask(max_tokens=1)).headers[b"x-ratelimit-remaining-tokens"])
        assert left > 9_900


async def test_tokens_of_a_call_that_was_not_made_are_given_back(
    opened: Open, provider: FakeProvider
) -> None:
    provider.script(replies.status_reply(500))
    async with opened(key={"rate_limit": {"tokens_per_day": 10_000}}) as till:
        assert [(await till.ask(max_tokens=9_000)).status for _ in range(3)] == [502, 502, 502]


async def test_more_than_a_limit_ever_lets_through(opened: Open) -> None:
    async with opened(key={"rate_limit": {"output_tokens_per_minute": 100}}, limits=WAITING) as till:
        talk = await till.ask(max_tokens=101)
        status, _, message = error_of(talk)
        assert status == 429
        assert "ask for fewer output tokens" in message
        assert talk.headers[b"x-should-retry"] == b"false"
        assert (await till.ask()).status == 200, "without a cap it is taken for what there is"


async def test_a_refused_request_leaves_no_trace(opened: Open, provider: FakeProvider) -> None:
    key = {"rate_limit": {"requests_per_hour": 1, "concurrent_requests": 5}, "budget": yearly("1")}
    async with opened(key=key) as till:
        assert [(await till.ask()).status for _ in range(3)] == [200, 429, 429]
        till.plane.check_nothing_is_held()
        assert len(till.plane.journaled()) == 1


# --- concurrency --------------------------------------------------------------------------------------


async def test_requests_in_flight(opened: Open, provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(held(gate), times=1)
    async with opened(key=ONE) as till:
        _, first = till.begin()
        await till.in_flight()
        assert till.plane.concurrent() == {"virtual key vk_test": 1}
        status, _, message = error_of(await till.ask())
        assert status == 429
        assert "1 concurrent request of virtual key vk_test" in message
        gate.open()
        await first
        assert till.plane.concurrent() == {"virtual key vk_test": 0}
        assert (await till.ask()).status == 200


async def test_a_rate_that_a_full_cap_refuses_is_given_back(opened: Open, provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(held(gate), times=1)
    async with opened(key={"rate_limit": {"concurrent_requests": 1, "requests_per_hour": 2}}) as till:
        _, first = till.begin()
        await till.in_flight()
        assert [(await till.ask()).status for _ in range(3)] == [429, 429, 429]
        gate.open()
        await first
        assert [(await till.ask()).status for _ in range(2)] == [200, 429]


# --- waiting ------------------------------------------------------------------------------------------


async def test_waiting_for_a_place(opened: Open, provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(held(gate), times=1)
    async with opened(key=ONE, limits=WAITING) as till:
        _, first = till.begin()
        await till.in_flight()
        second, task = till.begin()
        await till.waiting()
        assert len(provider.requests) == 1
        gate.open()
        await first
        await task
        assert second.status == 200
        scrape = await till.scrape()
        assert scrape.value("fastgate_limit_wait_seconds_count", level="virtual_key") == 1
        assert scrape.value("fastgate_limit_refusals_total") == 0
        overhead = int(second.headers[b"x-fastgate-overhead-us"])
        waited = scrape.value("fastgate_limit_wait_seconds_sum")
        assert overhead < waited * 1e6, "a wait is no work of the gateway's"


async def test_too_long_a_wait(opened: Open, provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(held(gate), times=1)
    async with opened(key=ONE, limits={"queue": {"max_wait_ms": 20}}) as till:
        _, first = till.begin()
        await till.in_flight()
        assert error_of(await till.ask())[:2] == (429, "rate_limit_exceeded")
        gate.open()
        await first
        assert len(provider.requests) == 1


@pytest.fixture
async def waiter(opened: Open, provider: FakeProvider) -> Any:
    """A gateway where one request is in flight until the gate opens, and another one waits for its place."""
    gate = Gate()
    provider.script(held(gate), times=1)
    async with opened(key=ONE, limits=WAITING) as till:
        _, first = till.begin()
        await till.in_flight()
        talk, task = till.begin()
        await till.waiting()
        yield till, talk, task
        gate.open()
        await first
        till.plane.check_nothing_is_held()


async def test_the_client_leaves_while_it_waits(waiter: Any, provider: FakeProvider) -> None:
    till, talk, task = waiter
    talk.left.set()
    await task
    assert talk.sent == []
    assert till.plane.accounting.queue.waiting == 0
    assert len(provider.requests) == 1


async def test_the_task_is_cancelled_while_it_waits(waiter: Any, provider: FakeProvider) -> None:
    till, _, task = waiter
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert till.plane.accounting.queue.waiting == 0
    assert len(provider.requests) == 1


async def test_the_gateway_ends_while_it_waits(waiter: Any) -> None:
    """As `aclose` does it."""
    till, talk, task = waiter
    till.plane.accounting.queue.close()
    await task
    assert error_of(talk)[:2] == (429, "rate_limit_exceeded")


async def test_each_key_has_its_turn(opened: Open, provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(held(gate), times=1)
    other = "sk-another-key-0123456789abcdef0123456789"
    settings: dict[str, Any] = {
        "gateway": {"rate_limit": {"concurrent_requests": 1}},
        "virtual_keys": [
            {"id": "greedy", "secret": "sk-greedy-key-0123456789abcdef0123456789"},
            {"id": "modest", "secret": other},
        ],
    }
    async with opened(limits=WAITING, **settings) as till:
        greedy = "sk-greedy-key-0123456789abcdef0123456789"
        _, first = till.begin(secret=greedy)
        await till.in_flight()
        tasks = []
        for number in range(3):
            tasks.append(till.begin(secret=greedy, user=f"greedy-{number}")[1])
            await till.waiting(number + 1)
        tasks.append(till.begin(secret=other, user="modest")[1])
        await till.waiting(4)
        gate.open()
        await asyncio.gather(first, *tasks)
        order = [request.json().get("user") for request in provider.requests[1:]]
        assert order.index("modest") <= 1, order


# --- what needs no admission --------------------------------------------------------------------------


async def test_what_is_not_billed_is_not_limited(opened: Open) -> None:
    async with opened(key={"rate_limit": {"requests_per_hour": 1}}) as till:
        for _ in range(3):
            assert (await till.fetch("/v1/models")).status == 200
            assert (await till.fetch("/v1/budget")).status == 200
        dry = await till.ask(headers=((b"x-fastgate-dry-run", b"1"),))
        assert dry.status == 200
        assert b"dry_run" in dry.answer
        assert (await till.ask()).status == 200


async def test_an_open_gateway_has_limits_too(opened: Open) -> None:
    """Who shows no key is under the gateway's own."""
    settings: dict[str, Any] = {
        "gateway": {"rate_limit": {"requests_per_hour": 1}, "budget": yearly("1")},
        "auth": {"mode": "open"},
        "virtual_keys": [],
    }
    async with opened(**settings) as till:
        assert [(await till.ask(secret="x")).status for _ in range(2)] == [200, 429]
        assert till.entry().opening.parties.virtual_key == ""
