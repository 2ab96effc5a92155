"""Counting tokens: free of charge, and not without limits."""

import msgspec
import pytest
from tests.support.fake_provider import FakeProvider
from tests.support.replies import json_reply
from tests.support.till import Till
from tests.unit.pipeline.conftest import Open

BODIES = {
    "/v1/messages/count_tokens": {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}]},
    "/v1beta/models/gpt:countTokens": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
}


async def count(till: Till, path: str) -> int:
    return (await till.send(msgspec.json.encode(BODIES[path]), path)).status


@pytest.mark.parametrize("path", BODIES)
async def test_it_is_a_request_to_limits_and_takes_no_tokens(opened: Open, path: str) -> None:
    limits = {"requests_per_minute": 2, "tokens_per_minute": 1, "concurrent_requests": 1}
    async with opened(key={"rate_limit": limits}) as till:
        assert [await count(till, path) for _ in range(3)] == [200, 200, 429]
        assert till.plane.concurrent() == {"virtual key vk_test": 0}


async def test_it_needs_no_budget_and_no_price(opened: Open, provider: FakeProvider) -> None:
    """Where the provider counts itself, too."""
    provider.script(json_reply({"input_tokens": 9}))
    anthropic = {"gpt": {"dialect": "anthropic"}}
    budget = {"max_per_year_usd": "0.000001", "strict": True}
    async with opened(providers=anthropic, key={"budget": budget}, prices=[]) as till:
        talk = await till.send(
            msgspec.json.encode(BODIES["/v1/messages/count_tokens"]), "/v1/messages/count_tokens"
        )
        assert (talk.status, msgspec.json.decode(talk.answer)) == (200, {"input_tokens": 9})
        assert b"x-fastgate-estimated" not in talk.headers
        assert till.plane.journaled() == []
