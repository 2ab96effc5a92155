"""What an answer says of its cost and of what is left."""

import re
from typing import Any

import pytest
from tests.support import replies
from tests.support.fake_provider import FakeProvider
from tests.support.in_process import Conversation
from tests.support.till import yearly
from tests.unit.pipeline.conftest import Open

SHOWN: dict[str, Any] = {"budgets": {"response_headers": True}}


def ours(talk: Conversation) -> dict[bytes, bytes]:
    """The headers of money, without `resets`."""
    prefixes = (b"x-fastgate-cost", b"x-fastgate-budget")
    found = {name: value for name, value in talk.headers.items() if name.startswith(prefixes)}
    found.pop(b"x-fastgate-budget-resets", None)
    return found


async def test_the_cost_of_an_answer(opened: Open) -> None:
    async with opened() as till:
        assert ours(await till.ask()) == {b"x-fastgate-cost-usd": b"0.000016"}


async def test_the_cost_may_be_left_out(opened: Open) -> None:
    async with opened(budgets={"cost_headers": False}) as till:
        assert ours(await till.ask()) == {}


async def test_the_cost_of_a_stream_comes_at_its_end(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.chat_stream())
    async with opened(budgets={"stream_cost": True}) as till:
        talk = await till.ask(stream=True)
        assert ours(talk) == {}
        assert talk.answer.endswith(b"data: [DONE]\n\n: fastgate cost_usd=0.000016\n\n")
        assert talk.complete


async def test_a_stream_is_as_it_came_unless_it_is_asked_for(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.chat_stream())
    async with opened() as till:
        assert (await till.ask(stream=True)).answer.endswith(b"data: [DONE]\n\n")


async def test_all_attempts_are_in_the_cost(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.reset_mid_body(), replies.chat_reply())
    async with opened(providers={"gpt": {"retries": {"max": 1, "backoff_initial_ms": 1}}}) as till:
        talk = await till.ask()
        assert talk.status == 200
        cost = sum(entry.closing.cost for entry in till.plane.journaled())
        assert len(till.plane.journaled()) == 2
        assert float(talk.headers[b"x-fastgate-cost-usd"]) == cost / 1e9


async def test_what_is_left_of_the_tightest_budget(opened: Open) -> None:
    key = {"budget": [yearly("1"), {"max_per_quarter_usd": "0.001"}]}
    async with opened(key=key, **SHOWN) as till:
        talk = await till.ask(max_tokens=10)
        assert ours(talk) == {
            b"x-fastgate-cost-usd": b"0.000016",
            b"x-fastgate-budget-limit-usd": b"0.001",
            b"x-fastgate-budget-spent-usd": b"0.000016",
            b"x-fastgate-budget-left-usd": b"0.000984",
        }
        assert talk.headers[b"x-fastgate-budget-resets"].endswith(b"T00:00:00Z")


async def test_without_a_budget_there_is_nothing_to_say(opened: Open) -> None:
    async with opened(**SHOWN) as till:
        assert list(ours(await till.ask())) == [b"x-fastgate-cost-usd"]


async def test_a_soft_limit_that_is_passed(opened: Open) -> None:
    """Said with the answers, also where what is left is not."""
    key = {"budget": yearly("0.0001", soft_limit=["0.3", "0.305", "0.9"])}
    async with opened(key=key) as till:
        seen = [ours(await till.ask(max_tokens=10)).get(b"x-fastgate-budget-warning") for _ in range(3)]
        assert seen == [
            None,
            b"virtual key vk_test yearly: 30.5 %",
            b"virtual key vk_test yearly: 30.5 %",
        ]
        assert b"x-fastgate-budget-left-usd" in ours(await till.ask(max_tokens=1))


async def test_what_is_reserved_counts_for_a_soft_limit(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.chat_stream())
    key = {"budget": yearly("0.001", soft_limit=["0.5"])}
    async with opened(key=key) as till:
        talk = await till.ask(stream=True, max_tokens=400)
        assert talk.headers[b"x-fastgate-budget-warning"] == b"virtual key vk_test yearly: 50.0 %"
        assert b"x-fastgate-budget-warning" not in (await till.ask(max_tokens=1)).headers


@pytest.mark.parametrize("streamed", [False, True])
async def test_limits_are_said_with_every_answer(
    opened: Open, provider: FakeProvider, streamed: bool
) -> None:
    if streamed:
        provider.script(replies.chat_stream())
    async with opened(key={"rate_limit": {"requests_per_minute": 10, "tokens_per_minute": 1_000}}) as till:
        headers = (await till.ask(stream=streamed, max_tokens=10)).headers
        assert headers[b"x-ratelimit-limit-requests"] == b"10"
        assert headers[b"x-ratelimit-remaining-requests"] == b"9"
        assert re.fullmatch(rb"6s|5\.\d+s", headers[b"x-ratelimit-reset-requests"])
        assert headers[b"x-ratelimit-limit-tokens"] == b"1000"
        assert int(headers[b"x-ratelimit-remaining-tokens"]) < 1_000
