"""`GET /v1/budget` and `GET /v1/usage`: what a virtual key learns of itself, and of nobody else."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from blockbuster import BlockBuster
from tests.support import replies
from tests.support.fake_provider import FakeProvider
from tests.support.in_process import Conversation
from tests.support.replies import Gate, Reply, Wait
from tests.support.till import Till, error_of, till, till_config, yearly

SETTINGS: dict[str, Any] = {
    "key": {
        "team_id": "inner",
        "tags": {"env": "prod"},
        "budget": yearly("1"),
        "rate_limit": {"requests_per_minute": 60, "concurrent_requests": 5},
        "model_limits": {"gpt*": {"tokens_per_day": 1_000}},
    },
    "customers": [{"id": "acme", "budget": yearly("2")}],
    "teams": [
        {"id": "inner", "customer_id": "acme", "budget": yearly("3")},
        {"id": "stranger", "budget": yearly("4")},
    ],
    "gateway": {"budget": yearly("5"), "rate_limit": {"requests_per_minute": 600}},
    "tag_budgets": [{"tags": {"env": "prod"}, "budget": yearly("6")}],
    "providers": {"gpt": {"budget": yearly("7")}},
}


@pytest.fixture
async def gateway(tmp_path: Path, _blockbuster: BlockBuster) -> AsyncIterator[Till]:
    with FakeProvider() as provider:
        async with till(tmp_path, provider, till_config(provider.url, "gpt", **SETTINGS), _blockbuster) as t:
            yield t


def body(talk: Conversation) -> Any:
    assert talk.status == 200, talk.answer
    return msgspec.json.decode(talk.answer)


async def test_what_a_key_may_still_spend(gateway: Till) -> None:
    gate = Gate()
    gateway.provider.script(replies.chat_reply(), Reply((Wait(gate),)) + replies.chat_reply())
    await gateway.ask(max_tokens=10)
    _, held = gateway.begin(max_tokens=10)
    await gateway.in_flight(2)
    standing = body(await gateway.fetch("/v1/budget"))
    gate.open()
    await held
    assert (standing["object"], standing["virtual_key"]) == ("fastgate.budget", "vk_test")
    assert [(each["level"], each["owner"], each["limit_usd"]) for each in standing["budgets"]] == [
        ("virtual_key", "vk_test", "1.00"),
        ("team", "inner", "3.00"),
        ("customer", "acme", "2.00"),
    ]
    own = standing["budgets"][0]
    assert (own["period"], own["spent_usd"]) == ("yearly", "0.000016")
    nano = {name: round(float(own[f"{name}_usd"]) * 1e9) for name in ("limit", "spent", "reserved", "left")}
    assert nano["reserved"] > 0
    assert nano["left"] == nano["limit"] - nano["spent"] - nano["reserved"]
    assert own["resets_at"].endswith("-01-01T00:00:00Z")


async def test_its_limits_in_words(gateway: Till) -> None:
    limits = body(await gateway.fetch("/v1/budget"))["limits"]
    assert [(each["level"], each["narrowed"], each["limit"]) for each in limits] == [
        ("virtual_key", "", "60 requests per minute"),
        ("virtual_key", "", "5 concurrent requests"),
        ("virtual_key", "model=gpt*", "1000 tokens per day"),
    ]


@pytest.mark.parametrize("path", ["/v1/budget", "/v1/usage"])
async def test_it_needs_a_key(gateway: Till, path: str) -> None:
    talk = await gateway.fetch(path, secret="")
    assert error_of(talk)[:2] == (401, "missing_virtual_key")


async def test_it_counts_under_a_name_of_its_own(gateway: Till) -> None:
    await gateway.fetch("/v1/budget")
    scrape = await gateway.scrape()
    assert scrape.value("fastgate_requests_total", endpoint="budget", status="200") == 1


async def test_what_it_has_used_is_asked_of_the_control_process(gateway: Till) -> None:
    asked: list[bytes] = []
    report = b'{"object":"fastgate.usage"}'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(report) + report)
        writer.close()

    async with await asyncio.start_unix_server(serve, str(gateway.plane.data_dir.control_socket)):
        talk = await gateway.fetch("/v1/usage")
    assert talk.answer == report
    assert talk.headers[b"content-type"] == b"application/json"
    assert asked == [b"GET /usage?key=vk_test HTTP/1.1\r\n"]


async def test_without_the_control_process_there_is_no_usage(gateway: Till) -> None:
    talk = await gateway.fetch("/v1/usage")
    assert error_of(talk)[:2] == (503, "ledger_unavailable")
    assert int(talk.headers[b"retry-after"]) > 0
