"""What a virtual key learns of its money: from its own pages, from headers, from the end of a stream."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.counting_provider import CountingProvider
from tests.support.gateway_process import SECRET, GatewayProcess, gateway_config, provider_config
from tests.support.money import NANO, budget, entries, flat_price, rows, settled, usd
from tests.support.raw_client import Response, chat_body, exchange, request

COST = 1_500_000  # nano-USD
OTHER_SECRET = f"{SECRET}other"


@pytest.fixture
def provider() -> Iterator[CountingProvider]:
    with CountingProvider() as provider:
        yield provider


def config(provider: CountingProvider, **more: Any) -> dict[str, Any]:
    return gateway_config(
        {"fake": provider_config(provider.url, "gpt-4o", "gpt-small")},
        prices=[flat_price("fake", "gpt-4o", COST), flat_price("fake", "gpt-small", COST // 10)],
        **more,
    )


async def get(gateway: GatewayProcess, path: str, secret: str | None = SECRET) -> Response:
    return await exchange(gateway.url, request(method="GET", path=path, secret=secret))


async def call(gateway: GatewayProcess, *headers: tuple[str, str], **body: Any) -> Response:
    return await exchange(gateway.url, request(chat_body(**body), *headers))


# --- its own pages ------------------------------------------------------------------------------------


async def test_a_key_sees_its_own_budgets_and_limits(provider: CountingProvider, tmp_path: Path) -> None:
    """Those of its chain, and nothing of others."""
    found = config(
        provider,
        customers=[
            {
                "id": "acme",
                "timezone": "Europe/Berlin",
                "budget": {"max_per_month_usd": 50, "max_per_day_usd": 5},
            },
            {"id": "other", "budget": {"max_per_month_usd": 7}},
        ],
        teams=[{"id": "search", "customer_id": "acme", "rate_limit": {"tokens_per_minute": 2_000_000}}],
        gateway={"budget": {"max_per_month_usd": 1_000_000}},
    )
    found["virtual_keys"] = [
        {
            "id": "mine",
            "secret": SECRET,
            "team_id": "search",
            "budget": {"max_per_day_usd": 1},
            "rate_limit": {"requests_per_minute": 600, "concurrent_requests": 5},
        },
        {"id": "theirs", "secret": OTHER_SECRET, "customer_id": "other"},
    ]
    with GatewayProcess(found, tmp_path) as gateway:
        for _ in range(3):
            assert (await call(gateway)).status == 200
        page = await get(gateway, "/v1/budget")
        assert page.status == 200
        assert page.header("content-type") == "application/json"
        standing = page.json()
        assert standing["object"] == "fastgate.budget"
        assert standing["virtual_key"] == "mine"
        budgets = {(each["level"], each["owner"], each["period"]): each for each in standing["budgets"]}
        assert set(budgets) == {
            ("virtual_key", "mine", "daily"),
            ("customer", "acme", "monthly"),
            ("customer", "acme", "daily"),
        }
        daily = budgets["virtual_key", "mine", "daily"]
        assert (daily["limit_usd"], daily["spent_usd"]) == ("1.00", usd(3 * COST))
        assert (daily["reserved_usd"], daily["left_usd"]) == ("0.00", usd(NANO - 3 * COST))
        # Midnight in Berlin: a key is where its customer is.
        assert {re.sub(r"^\d{4}-\d\d-\d\dT2[23]", "", each["resets_at"]) for each in budgets.values()} == {
            ":00:00Z"
        }
        limits = {(each["level"], each["owner"], each["limit"]) for each in standing["limits"]}
        assert limits == {
            ("virtual_key", "mine", "600 requests per minute"),
            ("virtual_key", "mine", "5 concurrent requests"),
            ("team", "search", "2000000 tokens per minute"),
        }
        theirs = (await get(gateway, "/v1/budget", OTHER_SECRET)).json()
        assert [each["owner"] for each in theirs["budgets"]] == ["other"]
        assert theirs["budgets"][0]["spent_usd"] == "0.00"
        for path in ("/v1/budget", "/v1/usage"):
            assert (await get(gateway, path, None)).status == 401
            assert (await get(gateway, path, "sk-test-nobody")).status == 401


async def test_a_key_sees_what_it_has_used(provider: CountingProvider, tmp_path: Path) -> None:
    found = config(provider)
    found["virtual_keys"].append({"id": "other", "secret": OTHER_SECRET})
    with GatewayProcess(found, tmp_path) as gateway:
        nothing = (await get(gateway, "/v1/usage")).json()
        assert nothing["days"] == []
        assert (nothing["total"]["calls"], nothing["total"]["cost_usd"]) == (0, "0.00")
        for number in range(4):
            assert (await call(gateway, stream=number % 2 > 0)).status == 200
        await settled(gateway, 4)
        usage = (await get(gateway, "/v1/usage")).json()
        assert (usage["object"], usage["virtual_key"]) == ("fastgate.usage", "vk_test")
        total = {
            "calls": 4,
            "input_tokens": 4 * provider.input_tokens,
            "output_tokens": 4 * provider.output_tokens,
            "cost_usd": usd(4 * COST),
        }
        assert usage["total"] == total
        assert sum(day["used"]["calls"] for day in usage["days"]) == 4
        theirs = (await get(gateway, "/v1/usage", OTHER_SECRET)).json()
        assert theirs["total"]["calls"] == 0


async def test_without_the_control_process_there_is_no_usage(
    provider: CountingProvider, tmp_path: Path
) -> None:
    with GatewayProcess(config(provider), tmp_path) as gateway:
        control = psutil.Process(gateway.pids()["control"])
        control.suspend()
        answer = await get(gateway, "/v1/usage")
        assert (answer.status, answer.error()["code"]) == (503, "ledger_unavailable")
        assert answer.header("retry-after") == "5"
        assert (await get(gateway, "/v1/budget")).status == 200
        assert (await call(gateway)).status == 200
        control.resume()
        await settled(gateway, 1)
        assert (await get(gateway, "/v1/usage")).json()["total"]["calls"] == 1


# --- headers and the end of a stream ------------------------------------------------------------------


async def test_headers_of_cost_and_budget(provider: CountingProvider, tmp_path: Path) -> None:
    found = config(provider, budgets={"response_headers": True})
    found["virtual_keys"][0]["budget"] = [budget(NANO), {"max_per_day_usd": "0.01"}]
    with GatewayProcess(found, tmp_path) as gateway:
        await call(gateway)
        answer = await call(gateway)
        assert answer.header("x-fastgate-cost-usd") == usd(COST)
        # Of the budget with the least left.
        assert answer.header("x-fastgate-budget-limit-usd") == "0.01"
        assert answer.header("x-fastgate-budget-spent-usd") == usd(2 * COST)
        assert answer.header("x-fastgate-budget-left-usd") == usd(NANO // 100 - 2 * COST)
        resets = answer.header("x-fastgate-budget-resets")
        assert resets is not None
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", resets)
        # What a stream costs is not known at its head; the budget has its hold by then.
        stream = await call(gateway, stream=True)
        assert stream.header("x-fastgate-cost-usd") is None
        assert stream.header("x-fastgate-budget-left-usd") == usd(NANO // 100 - 3 * COST)


async def test_headers_that_are_switched_off(provider: CountingProvider, tmp_path: Path) -> None:
    found = config(provider, budgets={"cost_headers": False})
    found["virtual_keys"][0]["budget"] = budget(NANO)
    with GatewayProcess(found, tmp_path) as gateway:
        names = {name for name, _ in (await call(gateway)).headers}
        assert not [name for name in names if name.startswith(("x-fastgate-cost", "x-fastgate-budget"))]


async def test_a_stream_ends_with_its_cost_where_that_is_configured(
    provider: CountingProvider, tmp_path: Path
) -> None:
    with GatewayProcess(config(provider, budgets={"stream_cost": True}), tmp_path) as gateway:
        body = (await call(gateway, stream=True)).body
        assert body.endswith(b"data: [DONE]\n\n: fastgate cost_usd=%s\n\n" % usd(COST).encode())
        gateway.write_config(config(provider))
        assert (await gateway.areload())["ok"] is True
        assert (await call(gateway, stream=True)).body.endswith(b"data: [DONE]\n\n")


# --- before the end of the money, and at it -----------------------------------------------------------


async def test_a_soft_limit_warns(provider: CountingProvider, tmp_path: Path) -> None:
    found = config(provider)
    found["virtual_keys"][0]["budget"] = budget(10 * COST, soft_limit=[0.5, 0.8])
    with GatewayProcess(found, tmp_path) as gateway:
        warnings = [(await call(gateway)).header("x-fastgate-budget-warning") for _ in range(10)]
        fifty, eighty = (f"virtual key vk_test 3650d: {percent}.0 %" for percent in (50, 80))
        assert warnings == [None] * 4 + [fifty] * 3 + [eighty] * 3
        assert (await call(gateway)).status == 402
        await settled(gateway, 10)
        told = await gateway.log_line(message="a soft limit of a budget is passed", percent="80.0")
        assert told["level"] == "warning"
        assert told["budget"].startswith("virtual key vk_test")
        # Once each, however often they are passed by.
        await asyncio.sleep(0.3)  # the interval of the drain
        lines = gateway.log_lines(message="a soft limit of a budget is passed")
        assert sorted(line["percent"] for line in lines) == ["50.0", "80.0"]
        scrape = await gateway.ascrape()
        assert scrape.value("fastgate_budget_soft_limits_total", level="virtual_key") == 2


async def test_a_refusal_says_whose_budget_it_is_and_how_much_is_left(
    provider: CountingProvider, tmp_path: Path
) -> None:
    found = config(provider, customers=[{"id": "acme", "budget": budget(2 * COST + 7)}])
    found["virtual_keys"][0]["customer_id"] = "acme"
    with GatewayProcess(found, tmp_path) as gateway:
        for _ in range(2):
            assert (await call(gateway)).status == 200
        refused = await call(gateway)
        error = refused.error()
        assert (refused.status, error["code"]) == (402, "budget_exceeded")
        assert refused.header("x-should-retry") == "false"
        assert "3650d budget of customer acme" in error["message"]
        assert f"{usd(7)} of {usd(2 * COST + 7)} USD is left" in error["message"]
        assert f"may cost {usd(COST)} USD" in error["message"]
        assert len(provider.seen) == 2


async def test_a_cheaper_model_instead_of_a_refusal(provider: CountingProvider, tmp_path: Path) -> None:
    found = config(provider)
    found["virtual_keys"][0]["budget"] = budget(
        2 * COST + 3 * COST // 10,
        on_exceeded={"fallback_to": {"provider": "fake", "model": "gpt-small"}},
    )
    with GatewayProcess(found, tmp_path) as gateway:
        answers = [await call(gateway, stream=number == 3) for number in range(6)]
        assert [answer.status for answer in answers] == [200] * 5 + [402]
        models = [answer.header("x-fastgate-model") for answer in answers[:5]]
        assert models == ["gpt-4o"] * 2 + ["gpt-small"] * 3
        assert [seen.model for seen in provider.seen] == models
        await settled(gateway, 5)
        costs = [entry.cost for entry in entries(gateway.data_dir)]
        assert costs == [COST] * 2 + [COST // 10] * 3


# --- tags ---------------------------------------------------------------------------------------------


async def test_tags_come_from_the_key_the_header_and_the_metadata(
    provider: CountingProvider, tmp_path: Path
) -> None:
    """The key's own stand, whatever the request says."""
    found = config(
        provider,
        tags={"allowed": ["feature", "env"]},
        tag_budgets=[{"tags": {"feature": "search", "env": "prod"}, "budget": budget(2 * COST)}],
    )
    found["virtual_keys"][0]["tags"] = {"env": "prod"}
    with GatewayProcess(found, tmp_path) as gateway:
        by_header = await call(gateway, ("x-fastgate-tags", "feature=search, env=test"))
        by_metadata = await call(gateway, metadata={"feature": "search", "customer_said": "hello"})
        assert [by_header.status, by_metadata.status] == [200, 200]
        for refused in (
            await call(gateway, ("x-fastgate-tags", "feature=search")),
            await call(gateway, metadata={"feature": "search"}),
        ):
            assert refused.status == 402
            assert "budget of tag env=prod,feature=search" in refused.error()["message"]
        # The header wins over the metadata.
        other = await call(gateway, ("x-fastgate-tags", "feature=chat"), metadata={"feature": "search"})
        assert other.status == 200
        assert (await call(gateway)).status == 200
        for wrong in ("feature", "feature=", "unknown=x"):
            answer = await call(gateway, ("x-fastgate-tags", wrong))
            assert (answer.status, answer.error()["param"]) == (400, "x-fastgate-tags")
        await settled(gateway, 4)
        assert rows(gateway.data_dir, "tags") == [
            '{"env":"prod","feature":"search"}',
            '{"env":"prod","feature":"search"}',
            '{"env":"prod","feature":"chat"}',
            '{"env":"prod"}',
        ]
