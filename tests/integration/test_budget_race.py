"""Many clients and workers on one budget that is just large enough: who gets through, and what is spent."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.counting_provider import CountingProvider
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config, provider_config
from tests.support.load import Answer, Connection, Hammer
from tests.support.money import (
    FORWARD_IDS,
    NANO,
    Budget,
    all_budgets,
    audited,
    budget,
    budgets_of,
    entries,
    flat_price,
    rfc3339,
    settled,
    usd,
)
from tests.support.processes import in_thread
from tests.support.raw_client import chat_body, request

CLIENTS = 64
COST = 1_234_567  # no round number of anything
LEVELS = ("virtual_key", "team", "customer", "tag", "provider")


@pytest.fixture
def provider() -> Iterator[CountingProvider]:
    with CountingProvider() as provider:
        yield provider


def judged(answer: Answer) -> str:
    if answer.status == 200 and answer.complete:
        return "served"
    return "refused" if answer.status == 402 and b'"budget_exceeded"' in answer.body else f"bad {answer}"


async def watch(url: str, seen: list[Budget], ended: asyncio.Event) -> None:
    """What the budget of the key says all the time, to its holder."""
    while not ended.is_set():
        seen.append((await budgets_of(url))["virtual_key"])


async def hammer(url: str, calls: Iterator[bytes]) -> tuple[Counter[str], list[Budget]]:
    """All of `calls`, by all clients at once: what became of them, and what the budget was meanwhile."""
    seen: list[Budget] = []
    ended = asyncio.Event()
    watching = asyncio.create_task(watch(url, seen, ended))
    hammering = Hammer(url, calls, judged)
    await hammering.run(CLIENTS)
    ended.set()
    await watching
    return hammering.outcomes, seen


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "not strict"])
async def test_a_budget_of_exactly_so_many_calls(
    provider: CountingProvider, tmp_path: Path, strict: bool
) -> None:
    """What is held is the cost, so that as many calls succeed as fit, whoever makes them."""
    calls, fits = 3_000, 1_000
    provider.delay_s = 0.005
    config = gateway_config(
        {"fake": provider_config(provider.url)}, workers=8, prices=[flat_price("fake", "gpt-4o", COST)]
    )
    limit = fits * COST + COST - 1
    config["virtual_keys"][0]["budget"] = budget(limit, strict=strict)
    with GatewayProcess(config, tmp_path) as gateway:
        outcomes, seen = await hammer(gateway.url, itertools.repeat(request(chat_body()), calls))
        assert outcomes == {"served": fits, "refused": calls - fits}
        assert len(provider.seen) == fits
        assert any(each.reserved for each in seen)
        assert all(each.spent + each.reserved <= limit for each in seen)
        await settled(gateway, fits)
        assert (await budgets_of(gateway.url))["virtual_key"] == Budget(limit, fits * COST, 0)
        assert sum(entry.cost for entry in entries(gateway.data_dir)) == fits * COST
        await audited(gateway)


async def test_a_strict_hold_that_is_larger_than_the_cost(provider: CountingProvider, tmp_path: Path) -> None:
    """Calls that are refused for the holds of others fit as soon as these are free: nothing is left over."""
    provider.delay_s = 0.002
    price = {"provider": "fake", "model": "gpt-4o", "input_per_mtok_usd": "0", "output_per_mtok_usd": "1000"}
    cost = provider.output_tokens * NANO // 1000
    config = gateway_config({"fake": provider_config(provider.url)}, workers=4, prices=[price])
    limit = 300 * cost
    config["virtual_keys"][0]["budget"] = budget(limit, strict=True)
    capped = request(chat_body(max_tokens=20))
    with GatewayProcess(config, tmp_path) as gateway:
        outcomes, seen = await hammer(gateway.url, itertools.repeat(capped, 2_500))
        assert set(outcomes) == {"served", "refused"}
        assert all(each.spent + each.reserved <= limit for each in seen)
        # Alone, a call that fits is not refused, up to the last that does.
        hold = 20 * NANO // 1000
        connection = await Connection.connect(gateway.url)
        served = outcomes["served"]
        while judged(await connection.call(capped)) == "served":
            served += 1
        assert limit - hold < served * cost <= limit
        # Without a cap of the client's, the gateway asks for as much as fits: down to a single token.
        uncapped = request(chat_body())
        provider.output_tokens = 1
        left = (limit - served * cost) // (NANO // 1000)
        for _ in range(left):
            assert judged(await connection.call(uncapped)) == "served"
        assert judged(await connection.call(uncapped)) == "refused"
        connection.close()
        assert (await budgets_of(gateway.url))["virtual_key"] == Budget(limit, limit, 0)


async def test_the_overshoot_of_a_budget_that_is_not_strict(
    provider: CountingProvider, tmp_path: Path
) -> None:
    """A call that costs more than was held for it goes through; others that are in flight then do too."""
    provider.delay_s = 0.05
    provider.output_tokens = 50
    price = {"provider": "fake", "model": "gpt-4o", "input_per_mtok_usd": "0", "output_per_mtok_usd": "1000"}
    cost, hold = 50 * NANO // 1000, 10 * NANO // 1000
    config = gateway_config({"fake": provider_config(provider.url)}, workers=4, prices=[price])
    limit = 200 * cost
    config["virtual_keys"][0]["budget"] = budget(limit)
    with GatewayProcess(config, tmp_path) as gateway:
        outcomes, _ = await hammer(gateway.url, itertools.repeat(request(chat_body(max_tokens=10)), 1_500))
        assert set(outcomes) == {"served", "refused"}
        (found,) = (await budgets_of(gateway.url)).values()
        await settled(gateway, outcomes["served"])
        ledger = entries(gateway.data_dir)
    assert {(entry.held, entry.cost) for entry in ledger} == {(hold, cost)}
    assert found == Budget(limit, outcomes["served"] * cost, 0)
    # At the last admission all that was spent or held fitted: only who was in flight then could exceed it.
    last = max(entry.admitted_ns for entry in ledger)
    moments_ns = 20_000_000  # an entry is dated so long before its cost takes the place of the hold
    in_flight = sum(entry.settled_ns >= last - moments_ns for entry in ledger)
    assert 0 < found.spent - limit <= min(in_flight, CLIENTS) * (cost - hold)


def tight(level: str, fits: int) -> dict[str, Any]:
    """A chain of five budgets with owners of its own, of which the one at `level` is the smallest."""
    limits = {each: (fits if each == level else 2 * fits) * COST for each in LEVELS}
    return {
        "providers": {f"p-{level}": {"models": [f"m-{level}"], "budget": budget(limits["provider"])}},
        "prices": [flat_price(f"p-{level}", f"m-{level}", COST)],
        "customers": [{"id": f"c-{level}", "budget": budget(limits["customer"])}],
        "teams": [
            {"id": f"t-{level}", "customer_id": f"c-{level}", "budget": budget(limits["team"], strict=True)}
        ],
        "tag_budgets": [{"tags": {"for": level}, "budget": budget(limits["tag"])}],
        "virtual_keys": [
            {
                "id": f"k-{level}",
                "team_id": f"t-{level}",
                "secret": f"{SECRET}{level}",
                "tags": {"for": level},
                "budget": budget(limits["virtual_key"]),
            }
        ],
    }


async def test_any_of_five_levels_may_be_the_tight_one(provider: CountingProvider, tmp_path: Path) -> None:
    """All five at once. A call that one level refuses holds nothing at the others."""
    fits, calls = 100, 300
    provider.delay_s = 0.01
    config = gateway_config({}, workers=4)
    config["virtual_keys"] = []
    for level in LEVELS:
        for section, value in tight(level, fits).items():
            if section == "providers":
                for name, more in value.items():
                    config["providers"][name] = provider_config(provider.url) | more
            else:
                config.setdefault(section, []).extend(value)
    requests = [
        request(chat_body(model=f"m-{level}"), secret=f"{SECRET}{level}")
        for _ in range(calls)
        for level in LEVELS
    ]
    with GatewayProcess(config, tmp_path) as gateway:
        hammering = Hammer(gateway.url, iter(requests), judged)
        await hammering.run(CLIENTS)
        assert hammering.outcomes == {"served": fits * 5, "refused": (calls - fits) * 5}
        assert Counter(seen.model for seen in provider.seen) == {f"m-{level}": fits for level in LEVELS}
        found = await in_thread(lambda: all_budgets(gateway))
        assert len(found) == 25
        assert {(each.spent, each.reserved) for each in found.values()} == {(fits * COST, 0)}
        scrape = await gateway.ascrape()
        refusals = "fastgate_budget_refusals_total"
        assert {level: scrape.value(refusals, level=level) for level in LEVELS} == dict.fromkeys(
            LEVELS, calls - fits
        )
        await settled(gateway, fits * 5)
        await audited(gateway)


async def test_a_period_ends_under_load(provider: CountingProvider, tmp_path: Path) -> None:
    """The moment of admission decides in which period a call counts, whenever it is settled."""
    fits = 150
    provider.delay_s = 0.1
    ends_s = int(time.time()) + 7
    ends_ns = ends_s * NANO
    config = gateway_config(
        {"fake": provider_config(provider.url)},
        workers=4,
        prices=[flat_price("fake", "gpt-4o", COST)],
        upstream=FORWARD_IDS,
    )
    wide_secret = f"{SECRET}wide"
    period = {"reset_duration": "1m", "anchor": rfc3339(ends_s)}
    config["virtual_keys"] = [
        {"id": "tight", "secret": SECRET, "budget": {"max_usd": usd(fits * COST), "strict": True, **period}},
        {"id": "wide", "secret": wide_secret, "budget": {"max_usd": "1000", **period}},
    ]
    both = itertools.cycle([request(chat_body()), request(chat_body(), secret=wide_secret)])
    with GatewayProcess(config, tmp_path) as gateway:
        assert time.time_ns() < ends_ns - NANO, "the machine is too slow for this test"
        hammering = Hammer(gateway.url, both, judged)
        running = asyncio.create_task(hammering.run(CLIENTS))
        while time.time_ns() < ends_ns + NANO:
            await hammering.more(50)
        hammering.stop()
        await running
        assert set(hammering.outcomes) == {"served", "refused"}
        await settled(gateway, hammering.outcomes["served"])
        ledger = entries(gateway.data_dir)
        now_tight = (await budgets_of(gateway.url))["virtual_key"]
        now_wide = (await budgets_of(gateway.url, wide_secret))["virtual_key"]
        await audited(gateway)
    first = [entry for entry in ledger if entry.admitted_ns < ends_ns]
    second = [entry for entry in ledger if entry.admitted_ns >= ends_ns]
    across = [entry for entry in first if entry.settled_ns >= ends_ns]
    assert across, "no call was in flight when the period ended"
    for part, now in ((first, None), (second, (now_tight, now_wide))):
        cost = Counter[str]()
        for entry in part:
            cost[entry.virtual_key] += entry.cost
        assert cost["tight"] == fits * COST
        if now is not None:
            assert [each.spent for each in now] == [cost["tight"], cost["wide"]]
            assert [each.reserved for each in now] == [0, 0]
