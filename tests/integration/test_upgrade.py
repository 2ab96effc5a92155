"""Upgrades under load: the old gateway drains while the new one serves, and no request is lost."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.counting_provider import CountingProvider
from tests.support.draining import held_stream
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET, gateway_config, provider_config
from tests.support.load import Connection
from tests.support.money import FORWARD_IDS, NANO, Budget, Entry, audited, budget, budgets_of, entries
from tests.support.processes import in_thread
from tests.support.raw_client import chat_body, request
from tests.support.upgrades import Clients, Line

from fastgate.launch import Edge

CLIENTS = 16
LIMIT = 1_000_000 * NANO
PRICE = {"provider": "fake", "model": "gpt-4o", "input_per_mtok_usd": "1", "output_per_mtok_usd": "2"}
LONG = "long"
"""The model whose streams outlast every upgrade."""


@pytest.fixture
def provider() -> Iterator[CountingProvider]:
    with CountingProvider(delay_s=0.005, gap_s=0.005) as provider:
        yield provider


@pytest.fixture
def holding() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def config(provider: CountingProvider, holding: FakeProvider, workers: int) -> dict[str, Any]:
    found = gateway_config(
        {"fake": provider_config(provider.url), "holding": provider_config(holding.url, LONG)},
        workers=workers,
        prices=[PRICE, {**PRICE, "provider": "holding", "model": LONG}],
        upstream=FORWARD_IDS,
        customers=[{"id": "acme", "budget": budget(LIMIT)}],
    )
    found["server"]["drain_s"] = 30
    found["virtual_keys"][0] |= {
        "customer_id": "acme",
        "budget": budget(LIMIT, strict=True),
        "rate_limit": {"concurrent_requests": 10_000},
    }
    return found


async def all_is_settled(line: Line, calls: set[str], seen: list[str]) -> None:
    """Every call that a provider saw is in the ledger once, and nothing is held."""
    assert sorted(seen) == sorted(calls)
    ledger: list[Entry] = []
    budgets: dict[str, Budget] = {}
    spent = 0
    for _ in range(200):
        ledger = await in_thread(lambda: entries(line.gateway.data_dir))
        budgets = await budgets_of(line.gateway.url, SECRET)
        spent = sum(entry.cost for entry in ledger)
        if len(ledger) == len(calls) and set(budgets.values()) == {Budget(LIMIT, spent, 0)}:
            break
        await asyncio.sleep(0.05)
    assert sorted(entry.request_id for entry in ledger) == sorted(calls)
    assert {entry.outcome for entry in ledger} == {"complete"}
    assert set(budgets.values()) == {Budget(LIMIT, spent, 0)}
    await audited(line.gateway)


async def upgraded_under_load(
    line: Line, edge: Edge, provider: CountingProvider, holding: FakeProvider, times: int
) -> None:
    gate = held_stream(holding)
    clients = Clients(line.gateway.url, keep=edge == "native")  # granian's edges close what is idle at once
    load = asyncio.create_task(clients.run(CLIENTS))
    long: dict[str, Connection] = {}
    drained = []
    try:
        for number in range(times):
            await clients.more(4 * CLIENTS)
            name = f"long-{number}"
            long[name] = await Connection.connect(line.gateway.url)
            long[name].send(request(chat_body(model=LONG, stream=True), ("x-request-id", name)))
            await long[name].until(lambda answer: bool(answer.pieces()))
            drained.append(await line.upgrade())
            await clients.more(2 * CLIENTS)
        # Of each gateway before, the worker that has its long stream at least; and the control process.
        running = [each for each in (await line.gateway.astatus())["processes"] if each["pid"]]
        assert len(running) >= times + line.gateway.workers + 1
        assert not any(connection.answer.ended for connection in long.values())
        gate.open()
        for connection in long.values():
            answer = await connection.done()
            assert answer.complete
            assert answer.events()[-1] == "[DONE]"
            connection.close()
        for before in drained:
            assert await before.await_exit(40) == 0
            assert before.log_lines(level="error") == []
        await line.gateway.log_line(message="the predecessor has ended")
        await clients.more(CLIENTS)
    finally:
        clients.stop()
        await load
    assert clients.failures == []
    if edge == "native":  # granian's edges also close what they have just accepted
        assert clients.repeated == 0
        assert clients.moved
    held = [str(each.header("x-request-id")) for each in holding.requests]
    await all_is_settled(line, clients.ids | long.keys(), [*provider.count().elements(), *held])
    status = await line.gateway.astatus()
    assert len(status["processes"]) == line.gateway.workers + 1


async def test_no_request_is_lost(
    tmp_path: Path, edge: Edge, provider: CountingProvider, holding: FakeProvider
) -> None:
    """Two upgrades, the second while the first is still being drained."""
    with Line(tmp_path, config(provider, holding, workers=1), edge) as line:
        await upgraded_under_load(line, edge, provider, holding, 2)


@pytest.mark.slow
async def test_many_at_once(tmp_path: Path, provider: CountingProvider, holding: FakeProvider) -> None:
    with Line(tmp_path, config(provider, holding, workers=2), "native") as line:
        await upgraded_under_load(line, "native", provider, holding, 6)
