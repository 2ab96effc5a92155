"""Routing as clients see it, with two workers that share all health (docs/routing.md)."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import replies
from tests.support.backends import backends, config, error_code, group, groups, of
from tests.support.builders import chat_completion
from tests.support.gateway_process import SECRET
from tests.support.gateway_rig import GatewayRig
from tests.support.raw_client import Response, chat_body, raw_client, request
from tests.support.replies import Gate, Sleep, Wait

GOLD = "sk-gold-gateway-0123456789abcdef0123456789abcdef"
FALLS_BACK = "sk-falls-gateway-0123456789abcdef0123456789abcdef"
OK = replies.chat_reply()


def configuration(url: str) -> dict[str, Any]:
    weighted = group("one", "two")
    weighted["deployments"][0]["weight"] = 3
    routes = {
        "weighted": [weighted],
        "round-robin": [group("one", "two", strategy="round_robin")],
        "least-busy": [group("one", "two", strategy="least_busy")],
        "lowest-latency": [group("slow", "quick", strategy="lowest_latency")],
        "ordered": groups("one", "two"),
        "by-tag": [group("one", when={"tags": {"tier": "gold"}}), group("two")],
        "by-size": [
            group("one", when={"min_body_bytes": 1000}),
            group("two", when={"max_body_bytes": 500}),
        ],
    }
    keys = [
        {"id": "vk_test", "secret": SECRET},
        {"id": "vk_gold", "secret": GOLD, "tags": {"tier": "gold"}},
        {
            "id": "vk_falls",
            "secret": FALLS_BACK,
            "fallbacks": [{"provider": "one", "model": "one"}, {"model": "two"}],
        },
    ]
    names = ("one", "two", "slow", "quick")
    return config(url, backends(*names), workers=2, routes=routes, virtual_keys=keys)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("routing"), configuration) as rig:
        yield rig


@pytest.fixture
def rig(shared: GatewayRig) -> Iterator[GatewayRig]:
    yield shared
    shared.check()
    assert shared.gateway.status()["in_flight"] == 0


async def ask(rig: GatewayRig, model: str | None, secret: str = SECRET, **more: Any) -> Response:
    body = chat_body(model=model, **more)
    return await rig.exchange(request(body.replace(b'"model":null,', b""), secret=secret))


async def providers(rig: GatewayRig, model: str, times: int) -> Counter[str | None]:
    """Which provider answered, over so many requests one after the other."""
    answers = [await ask(rig, model) for _ in range(times)]
    assert {answer.status for answer in answers} == {200}
    return Counter(answer.header("x-fastgate-provider") for answer in answers)


# --- strategies ---------------------------------------------------------------------------------------------


async def test_weighted(rig: GatewayRig) -> None:
    """3 to 1: of 200 requests 150 are due; that it is less than 119 or more than 181 has odds of 1 : 10⁶."""
    seen = await providers(rig, "weighted", 200)
    assert 119 <= seen["one"] <= 181
    assert seen.total() == 200


async def test_round_robin_is_exact_over_all_workers(rig: GatewayRig) -> None:
    assert await providers(rig, "round-robin", 20) == {"one": 10, "two": 10}


async def test_least_busy(rig: GatewayRig) -> None:
    """Ten requests that all stay open: each goes to whoever has fewer, whichever worker has the others."""
    gate = Gate()
    rig.provider.script(replies.reply(Wait(gate)) + OK)
    calls = []
    for number in range(10):
        calls.append(asyncio.create_task(ask(rig, "least-busy")))
        await rig.upstream_request(number)
    assert [len(of(rig.provider, name)) for name in ("one", "two")] == [5, 5]
    gate.open()
    assert {(await call).status for call in calls} == {200}


async def test_lowest_latency(rig: GatewayRig) -> None:
    rig.provider.script(replies.reply(Sleep(0.1)) + OK, model="slow")
    rig.provider.script(OK, model="quick")
    seen = await providers(rig, "lowest-latency", 20)
    assert seen["slow"] <= 2, "it is measured once, and left alone from then on"


# --- names and conditions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("secret", "provider"), [(GOLD, "one"), (SECRET, "two")])
async def test_a_condition_on_tags(rig: GatewayRig, secret: str, provider: str) -> None:
    answer = await ask(rig, "by-tag", secret)
    assert answer.header("x-fastgate-provider") == provider


async def test_a_condition_on_the_size(rig: GatewayRig) -> None:
    large = await ask(rig, "by-size", user="x" * 1000)
    small = await ask(rig, "by-size")
    assert [each.header("x-fastgate-provider") for each in (large, small)] == ["one", "two"]
    neither = await ask(rig, "by-size", user="x" * 600)
    assert (neither.status, error_code(neither.body)) == (501, "not_supported")


@pytest.mark.parametrize("model", ["auto", None, ""])
async def test_auto_is_the_keys_fallbacks_from_the_top(rig: GatewayRig, model: str | None) -> None:
    assert (await ask(rig, model, FALLS_BACK)).header("x-fastgate-provider") == "one"
    rig.provider.script(replies.status_reply(503), model="one")
    answer = await ask(rig, model, FALLS_BACK)
    assert (answer.status, answer.header("x-fastgate-provider")) == (200, "two")
    refused = await ask(rig, model)
    assert (refused.status, error_code(refused.body)) == (400, "missing_field")
    assert refused.error()["param"] == "model"


async def test_a_providers_own_name_goes_before_its_model(rig: GatewayRig) -> None:
    answer = await ask(rig, "two/two")
    assert answer.header("x-fastgate-provider") == "two"
    assert rig.provider.requests[0].model == "two"
    for name in ("one/two", "nobody/one", "nobody"):
        refused = await ask(rig, name)
        assert (refused.status, error_code(refused.body)) == (404, "model_not_found")
    assert len(rig.provider.requests) == 1


@pytest.mark.parametrize("fallbacks", [["two"], [{"model": "two"}], [{"provider": "two", "model": "two"}]])
async def test_fallbacks_in_the_body(rig: GatewayRig, fallbacks: list[Any]) -> None:
    rig.provider.script(replies.status_reply(503), model="one")
    answer = await ask(rig, "one", fallbacks=fallbacks, seed=7)
    assert (answer.status, answer.header("x-fastgate-provider")) == (200, "two")
    assert rig.provider.requests[0].body == chat_body(model="one", seed=7)
    line = await rig.line(answer.request_id)
    assert line["fallbacks"] == 1


async def test_a_dry_run_calls_nobody(rig: GatewayRig) -> None:
    body = chat_body(model="ordered", fallbacks=["nobody", "slow"])
    answer = await rig.exchange(request(body, ("x-fastgate-dry-run", "1")))
    assert answer.status == 200
    found = answer.json()
    assert (found["object"], found["model"]) == ("fastgate.dry_run", "ordered")
    assert [(each["deployment"], each["usable"]) for each in found["candidates"]] == [
        ("one/one", True),
        ("two/two", True),
        ("slow/slow", True),
        ("nobody", False),
    ]
    assert found["candidates"][-1]["reason"] == "model_not_found"
    assert found["candidates"][0]["credentials"] == ["main"]
    assert rig.provider.requests == []
    line = await rig.line(answer.request_id)
    assert (line["status"], line["finish"], line.get("attempts", [])) == (200, "complete", [])


async def test_what_a_client_is_told_of_the_way(rig: GatewayRig) -> None:
    rig.provider.script(replies.status_reply(500), model="one")
    headers = (
        ("x-request-id", "mine-1"),
        ("openai-processing-ms", "12"),
        ("x-ratelimit-limit-requests", "9"),
    )
    rig.provider.script(replies.json_reply(chat_completion(), headers=headers[1:]), model="two")
    answer = await rig.exchange(request(chat_body(model="ordered"), headers[0]))
    assert {name: value for name, value in answer.headers if name.startswith(("x-", "openai-"))} == {
        "x-fastgate-request-id": "mine-1",
        "x-request-id": "mine-1",
        "x-fastgate-provider": "two",
        "x-fastgate-model": "two",
        "x-fastgate-deployment": "two/two",
        "x-fastgate-attempts": "one/one:main=server_error(500), two/two:main=ok(200)",
        "x-fastgate-overhead-us": answer.header("x-fastgate-overhead-us"),
        "openai-processing-ms": "12",
        "x-upstream-ratelimit-limit-requests": "9",
    }


async def test_a_caller_on_a_kept_connection(rig: GatewayRig) -> None:
    """One client connection, several requests and answers, also after an error."""
    async with raw_client(rig.url) as client:
        for model, status in (("one", 200), ("nobody", 404), ("two", 200)):
            await client.send(request(chat_body(model=model)))
            assert (await client.response()).status == status
