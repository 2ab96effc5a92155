"""Before an attempt is made: what may refuse it, what is refused with it, and what follows then."""

import re
from typing import Any

import msgspec
import pytest
from tests.support import replies
from tests.support.backends import groups, of
from tests.support.fake_provider import FakeProvider
from tests.support.till import ANSWER, OUTPUT, Till, error_of, price, yearly
from tests.unit.pipeline.conftest import Open

LITTLE = yearly("0.000001")  # a thousand nano-USD
OWNED = {"team_id": "research", "customer_id": "acme", "tags": {"env": "prod"}}
OWNERS = {"customers": [{"id": "acme"}], "teams": [{"id": "research", "customer_id": "acme"}]}


def owned(section: str, budget: dict[str, Any]) -> dict[str, Any]:
    (owner,) = OWNERS[section]
    return {**OWNERS, section: [{**owner, "budget": budget}]}


LEVELS: dict[str, dict[str, Any]] = {
    "virtual key vk_test": {"key": {**OWNED, "budget": LITTLE}, **OWNERS},
    "team research": {"key": OWNED, **owned("teams", LITTLE)},
    "customer acme": {"key": OWNED, **owned("customers", LITTLE)},
    "gateway": {"gateway": {"budget": LITTLE}},
    "tag env=prod": {"key": OWNED, **OWNERS, "tag_budgets": [{"tags": {"env": "prod"}, "budget": LITTLE}]},
    "provider gpt": {"providers": {"gpt": {"budget": LITTLE}}},
    "model g*": {"model_budgets": [{"model": "g*", "budget": LITTLE}]},
}


@pytest.mark.parametrize("owner", LEVELS)
async def test_each_level_refuses(opened: Open, provider: FakeProvider, owner: str) -> None:
    async with opened(**LEVELS[owner]) as till:
        before = await till.scrape()
        talk = await till.ask(max_tokens=100)
        status, code, message = error_of(talk)
        assert (status, code) == (402, "budget_exceeded")
        assert f"The yearly budget of {owner} does not cover this call: " in message
        own = owner.startswith(("virtual key", "team", "customer"))
        assert ("0.000001 of 0.000001 USD is left" in message) is own, "what others spend is not told"
        assert re.search(r"it resets at \d{4}-01-01T00:00:00Z", message)
        assert talk.headers[b"x-should-retry"] == b"false"
        level = owner.removesuffix(" vk_test").split()[0] if owner[0] != "v" else "virtual_key"
        name = "fastgate_budget_refusals_total"
        assert (await till.scrape()).value(name, level=level) == before.value(name, level=level) + 1
        assert (provider.requests, till.plane.journaled()) == ([], [])


async def test_the_others_of_the_chain_hold_nothing(opened: Open) -> None:
    """The check at the end of each test is for it; here a gateway's budget would stay reserved."""
    settings = {"gateway": {"budget": yearly("1")}, "providers": {"gpt": {"budget": LITTLE}}}
    async with opened(key={"budget": yearly("1")}, **settings) as till:
        for _ in range(3):
            assert (await till.ask()).status == 402
        assert {state.spent for state in till.plane.budgets().values()} == {0}


async def test_a_candidate_whose_budget_is_spent_is_no_attempt(opened: Open, provider: FakeProvider) -> None:
    routes = {"route": groups("dear", "gpt")}
    async with opened("dear", "gpt", providers={"dear": {"budget": LITTLE}}, routes=routes) as till:
        talk = await till.ask("route")
        assert talk.status == 200
        assert talk.headers[b"x-fastgate-attempts"] == b"gpt/gpt:main=ok(200)"
        assert not of(provider, "dear")
        assert till.entry().opening.attempt == 1


async def test_a_failure_is_told_before_a_refusal(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.status_reply(503))
    routes = {"route": groups("dear", "gpt")}
    async with opened("dear", "gpt", providers={"dear": {"budget": LITTLE}}, routes=routes) as till:
        assert error_of(await till.ask("route"))[:2] == (502, "upstream_error")


# --- on_exceeded ------------------------------------------------------------------------------------

EXPENSIVE = [price("dear", output_usd="1000"), price("gpt")]


def budgeted(usd: str, **more: Any) -> dict[str, Any]:
    return {"budget": yearly(usd, on_exceeded={"fallback_to": {"model": "gpt", **more}})}


@pytest.mark.parametrize("named", [{}, {"provider": "gpt"}])
async def test_another_model_instead(opened: Open, provider: FakeProvider, named: dict[str, str]) -> None:
    async with opened("dear", "gpt", key=budgeted("0.01", **named), prices=EXPENSIVE) as till:
        talk = await till.ask("dear", max_tokens=100)
        assert (talk.status, talk.headers[b"x-fastgate-model"]) == (200, b"gpt")
        assert [request.model for request in provider.requests] == ["gpt"]
        entry = till.entry()
        assert (entry.opening.requested_model, entry.opening.parties.model) == ("dear", "gpt")
        assert (await till.ask("dear", max_tokens=5)).headers[b"x-fastgate-model"] == b"dear", "this fits"


async def test_another_model_that_costs_too_much_as_well(opened: Open) -> None:
    async with opened("dear", "gpt", key=budgeted("0.000001"), prices=EXPENSIVE) as till:
        status, code, message = error_of(await till.ask("dear", max_tokens=100))
        assert (status, code) == (402, "budget_exceeded")
        assert "virtual key vk_test" in message


async def test_another_model_that_the_key_may_not_use(opened: Open) -> None:
    key = {**budgeted("0.01"), "allowed_models": ["dear"]}
    async with opened("dear", "gpt", key=key, prices=EXPENSIVE) as till:
        assert (await till.ask("dear", max_tokens=100)).status == 403


# --- strict budgets -----------------------------------------------------------------------------------


def strict(usd: str) -> dict[str, Any]:
    return {"budget": yearly(usd, strict=True)}


CAPS = {
    ("own", "/v1/chat/completions"): "max_tokens",
    ("openai", "/v1/chat/completions"): "max_completion_tokens",
    ("azure", "/v1/chat/completions"): "max_completion_tokens",
    ("own", "/v1/completions"): "max_tokens",
    ("openai", "/v1/completions"): "max_tokens",
    ("openai", "/v1/responses"): "max_output_tokens",
}


@pytest.mark.parametrize(("name", "path"), CAPS)
@pytest.mark.parametrize("null", [False, True])
async def test_a_cap_is_set_where_the_client_set_none(
    opened: Open, provider: FakeProvider, name: str, path: str, null: bool
) -> None:
    field = CAPS[name, path]
    async with opened(name, key=strict("0.005")) as till:
        model = f"{name}/{name}"
        body: dict[str, Any] = {"model": model, "messages": []}
        if null:
            body[field] = None
        exchange_body = msgspec.json.encode(body)
        talk = await till.send(exchange_body, path)
        assert talk.status in {200, 502}, "the usual answer is one of chat"
        sent = provider.requests[0]
        assert sent.body.count(f'"{field}"'.encode()) == 1
        cap = sent.json()[field]
        held = till.plane.journaled()[0].opening.held
        assert 0 < cap < 4_096
        assert held <= 5_000_000 < held + OUTPUT, "the largest cap whose cost fits"


async def test_the_cap_of_the_client_stands(opened: Open, provider: FakeProvider) -> None:
    async with opened(key=strict("0.05")) as till:
        assert (await till.ask(max_tokens=7)).status == 200
        assert provider.requests[0].json()["max_tokens"] == 7
        assert (await till.ask(max_tokens=1_000_000)).status == 402
        assert len(provider.requests) == 1


@pytest.mark.parametrize(
    ("name", "asked", "sent"),
    [
        ("own", {"max_completion_tokens": 7}, {"max_completion_tokens": 7, "max_tokens": 7}),
        ("openai", {"max_completion_tokens": 7}, {"max_completion_tokens": 7}),
        ("openai", {"max_tokens": 7}, {"max_tokens": 7}),
        ("own", {"max_tokens": -1}, {"max_tokens": 50}),
    ],
)
async def test_the_cap_is_one_that_the_provider_reads(
    opened: Open, provider: FakeProvider, name: str, asked: dict[str, int], sent: dict[str, int]
) -> None:
    async with opened(name, key=strict("1000"), budgets={"default_output_hold_tokens": 50}) as till:
        assert (await till.ask(f"{name}/{name}", **asked)).status == 200
        found = provider.requests[0].json()
        assert {field: cap for field, cap in found.items() if field.startswith("max_")} == sent


async def test_an_image_is_held_for_what_its_tokens_cost(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.json_reply({"data": [], "usage": {"input_tokens": 5, "output_tokens": 6_240}}))
    async with opened(key=strict("1")) as till:
        talk = await till.send(b'{"model":"gpt/gpt","prompt":"a cat"}', "/v1/images/generations")
        assert talk.status == 200
        entry = till.entry()
        assert entry.closing.cost == 5 * 1_000 + 6_240 * OUTPUT
        assert entry.opening.held >= entry.closing.cost


async def test_names_that_a_client_made_up_are_cut(opened: Open) -> None:
    """What is kept of a call has a bound, in bytes."""
    metadata = {"a": "x" * 1_000}
    async with opened(key={"metadata": metadata}, providers={"gpt": {"any_model": True}}) as till:
        assert (await till.ask("gpt/" + "\N{GRINNING FACE}" * 250)).status == 200
        opening = till.entry().opening
        assert opening.parties.model == "\N{GRINNING FACE}" * 64
        assert opening.parties.metadata == metadata


async def test_no_more_than_the_usual_cap_is_set(opened: Open, provider: FakeProvider) -> None:
    async with opened(key=strict("1000"), budgets={"default_output_hold_tokens": 50}) as till:
        assert (await till.ask()).status == 200
        assert provider.requests[0].json()["max_tokens"] == 50


async def test_nothing_is_set_without_a_strict_budget(opened: Open, provider: FakeProvider) -> None:
    async with opened(key={"budget": yearly("1")}) as till:
        assert (await till.ask()).status == 200
        assert "max_tokens" not in provider.requests[0].json()


async def test_a_strict_budget_that_has_no_room_for_the_prompt(opened: Open) -> None:
    async with opened(key=strict("0.000001")) as till:
        assert error_of(await till.ask())[:2] == (402, "budget_exceeded")


async def test_what_several_ask_for_at_once_never_passes_a_strict_cap(
    opened: Open, provider: FakeProvider
) -> None:
    """The first takes all that is left, with a cap that fits; the others are refused until it is settled."""
    gate = replies.Gate()
    provider.script(replies.Reply((replies.Wait(gate),)) + replies.chat_reply(), times=1)
    async with opened(key=strict("0.005")) as till:
        _, first = till.begin()
        await till.in_flight()
        assert error_of(await till.ask())[:2] == (402, "budget_exceeded")
        (state,) = till.plane.budgets().values()
        assert 0 < state.reserved <= state.limit
        gate.open()
        await first
        assert till.spent("virtual key vk_test yearly") == ANSWER


# --- numbers beyond all sense -------------------------------------------------------------------------

HUGE: list[dict[str, Any]] = [{"max_tokens": 1 << 62}, {"n": 1 << 62}, {"max_tokens": 1 << 62, "n": 1 << 62}]


@pytest.mark.parametrize("fields", HUGE)
async def test_a_demand_beyond_all_sense_is_refused_by_any_budget(
    opened: Open, fields: dict[str, Any]
) -> None:
    async with opened(key={"budget": yearly("100")}) as till:
        assert error_of(await till.ask(**fields))[:2] == (402, "budget_exceeded")


@pytest.mark.parametrize("fields", HUGE)
async def test_a_demand_beyond_all_sense_without_a_budget(opened: Open, fields: dict[str, Any]) -> None:
    """The provider will say what it thinks of it."""
    async with opened() as till:
        assert (await till.ask(**fields)).status == 200


@pytest.mark.parametrize("fields", HUGE)
async def test_a_demand_beyond_all_sense_meets_a_limit(opened: Open, fields: dict[str, Any]) -> None:
    async with opened(key={"rate_limit": {"tokens_per_minute": 100_000}}) as till:
        assert error_of(await till.ask(**{"max_tokens": 10, **fields}))[:2] == (429, "rate_limit_exceeded")


# --- models without a price -------------------------------------------------------------------------

NO_PRICE: dict[str, Any] = {"prices": []}
BUDGETED: dict[str, Any] = {"key": {"budget": yearly("1")}}


async def refused_as_unpriced(till: Till) -> None:
    before = await till.scrape()
    status, code, message = error_of(await till.ask())
    assert (status, code) == (402, "unpriced_model")
    assert "gpt/gpt" in message
    counted = {"provider": "gpt", "policy": "denied"}
    name = "fastgate_unpriced_calls_total"
    assert (await till.scrape()).value(name, **counted) == before.value(name, **counted) + 1


async def test_deny(opened: Open) -> None:
    async with opened(unpriced="deny", **NO_PRICE) as till:
        await refused_as_unpriced(till)


async def test_deny_where_a_budget_applies(opened: Open) -> None:
    async with opened(**NO_PRICE, **BUDGETED) as till:
        await refused_as_unpriced(till)
        assert till.plane.journaled() == []


async def test_go_on_where_no_budget_applies(opened: Open) -> None:
    async with opened(**NO_PRICE) as till:
        assert (await till.ask()).status == 200
        closing = till.entry().closing
        assert (closing.unpriced, closing.cost, closing.price) == (True, 0, "")
        assert closing.usage.input_tokens == 10
        counted = (await till.scrape()).value("fastgate_unpriced_calls_total", policy="allowed")
        assert counted == 1


async def test_allow(opened: Open) -> None:
    async with opened(unpriced="allow", **NO_PRICE, **BUDGETED) as till:
        assert (await till.ask()).status == 200
        closing = till.entry().closing
        assert (closing.unpriced, closing.cost) == (True, 0)
        assert len(closing.charged) == 1


async def test_assume(opened: Open) -> None:
    assumed = {"assume": {"input_per_mtok_usd": "1", "output_per_mtok_usd": "2"}}
    async with opened(unpriced=assumed, **NO_PRICE, **BUDGETED) as till:
        assert (await till.ask()).status == 200
        closing = till.entry().closing
        assert (closing.unpriced, closing.cost) == (False, ANSWER)


async def test_a_candidate_with_a_price_is_found(opened: Open) -> None:
    routes = {"route": groups("unknown", "gpt")}
    settings = {"prices": [price("gpt")], "routes": routes, "unpriced": "deny"}
    async with opened("unknown", "gpt", **settings) as till:
        assert (await till.ask("route")).headers[b"x-fastgate-provider"] == b"gpt"


async def test_what_is_free_needs_no_price(opened: Open, provider: FakeProvider) -> None:
    moderation = {"id": "modr-1", "model": "gpt", "results": []}
    provider.script(replies.json_reply(moderation), path="/v1/moderations")
    async with opened(unpriced="deny", **NO_PRICE, **BUDGETED) as till:
        talk = await till.ask(path="/v1/moderations", input="text")
        assert talk.status == 200
        closing = till.entry().closing
        assert (closing.unpriced, closing.cost) == (False, 0)


# --- limits of one attempt ----------------------------------------------------------------------------


async def test_a_provider_whose_limit_is_reached_is_passed_over(opened: Open, provider: FakeProvider) -> None:
    limited = {"first": {"limits": {"requests_per_hour": 1}}}
    async with opened("first", "gpt", providers=limited, routes={"route": groups("first", "gpt")}) as till:
        seen = [(await till.ask("route")).headers[b"x-fastgate-provider"] for _ in range(3)]
        assert seen == [b"first", b"gpt", b"gpt"]
        talk = await till.ask("first")
        status, code, message = error_of(talk)
        assert (status, code) == (429, "rate_limit_exceeded")
        assert "1 request per hour of provider first" in message
        assert int(talk.headers[b"retry-after"]) > 3_000
        refused = (await till.scrape()).value("fastgate_limit_refusals_total", level="provider")
        assert refused == 3


async def test_limits_for_a_part_of_a_keys_traffic(opened: Open) -> None:
    key = {"model_limits": {"first": {"requests_per_hour": 1}}}
    async with opened("first", "gpt", key=key) as till:
        assert [(await till.ask(name)).status for name in ("first", "gpt", "first", "gpt")] == [
            200,
            200,
            429,
            200,
        ]


async def test_a_refused_budget_gives_the_limit_back(opened: Open) -> None:
    limits = {"limits": {"requests_per_hour": 2}, "budget": yearly("0.001")}
    async with opened(providers={"gpt": limits}) as till:
        for _ in range(5):
            assert (await till.ask(max_tokens=10_000)).status == 402
        assert [(await till.ask(max_tokens=1)).status for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("where", ["provider", "deployment", "virtual key"])
async def test_what_is_in_flight_is_counted(opened: Open, provider: FakeProvider, where: str) -> None:
    gate = replies.Gate()
    provider.script(replies.Reply((replies.Wait(gate),)) + replies.chat_reply(), times=2)
    capped = {"concurrent_requests": 2}
    deployed = {"models": ["other"], "deployments": [{"model": "gpt", "limits": capped}]}
    settings: dict[str, dict[str, Any]] = {
        "provider": {"providers": {"gpt": {"limits": capped}}},
        "deployment": {"providers": {"gpt": deployed}},
        "virtual key": {"key": {"provider_limits": {"gpt": capped}}},
    }
    async with opened(**settings[where]) as till:
        begun = [till.begin()[1] for _ in range(2)]
        await till.in_flight(2)
        assert list(till.plane.concurrent().values()) == [2]
        status, _, message = error_of(await till.ask())
        assert status == 429
        assert "2 concurrent requests" in message
        gate.open()
        for task in begun:
            await task
        assert list(till.plane.concurrent().values()) == [0]
        assert (await till.ask()).status == 200
