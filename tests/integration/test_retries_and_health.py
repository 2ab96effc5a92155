"""Retries, breaker and credentials, with two workers that share what they know of a deployment's health."""

import asyncio
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from tests.support import replies
from tests.support.backends import backend, config, error_code, groups, of, reached
from tests.support.gateway_rig import GatewayRig
from tests.support.metrics import Scrape
from tests.support.raw_client import Response, chat_body, raw_client, request
from tests.support.replies import Gate, Wait

OK = replies.chat_reply()
BROKEN = replies.status_reply(503)
QUICK = {"backoff_initial_ms": 5, "backoff_max_ms": 20}
PATIENT = {"max": 1, **QUICK, "max_retry_after_s": 3}
BREAKER = {"window_s": 30, "min_requests": 4, "error_ratio": 0.5, "open_s": 1}


def configuration(url: str) -> dict[str, Any]:
    two_credentials = [{"id": name, "secret": f"secret-of-keys-{name}"} for name in ("a", "b")]
    return config(
        url,
        {
            "thrice": backend("thrice", retries={"max": 2, **QUICK}),
            "patient": backend("patient", retries=PATIENT),
            "dated": backend("dated", retries=PATIENT),
            "limited": backend("limited", retries=PATIENT),
            "far": backend("far", retries=PATIENT),
            "hurried": backend("hurried", retries=PATIENT, timeouts={"total_s": 0.3}),
            "left": backend("left", retries=PATIENT),
            "broken": backend("broken", breaker=BREAKER),
            "keys": backend("keys", "keys", "keys-mini", credentials=two_credentials),
            "no": backend("no", "no", "no-mini"),
            "spare": backend("spare"),
        },
        workers=2,
        routes={"no-then-spare": groups("no", "spare")},
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("health"), configuration) as rig:
        yield rig


@pytest.fixture
def rig(shared: GatewayRig) -> Iterator[GatewayRig]:
    yield shared
    shared.check()
    assert shared.gateway.status()["in_flight"] == 0


async def ask(rig: GatewayRig, model: str) -> Response:
    return await rig.exchange(request(chat_body(model=model)))


async def from_both_workers(rig: GatewayRig, model: str) -> list[Response]:
    """Ask until each of the workers has answered."""
    answers: list[Response] = []
    workers: set[str] = set()
    while workers != {"worker-1", "worker-2"}:
        answers.append(await ask(rig, model))
        workers.add((await rig.line(answers[-1].request_id))["process"])
        assert len(answers) < 200, "one of the workers gets nothing"
    return answers


# --- retries ----------------------------------------------------------------------------------------------


async def test_the_same_deployment_again_after_a_backoff(rig: GatewayRig) -> None:
    before = await rig.gateway.ascrape()
    rig.provider.script(BROKEN, BROKEN, OK)
    answer = await ask(rig, "thrice")
    assert answer.status == 200
    results = ("server_error(503)", "server_error(503)", "ok(200)")
    assert answer.header("x-fastgate-attempts") == ", ".join(f"thrice/thrice:main={each}" for each in results)
    assert (await rig.line(answer.request_id))["retries"] == 2
    await rig.counted(before, "fastgate_retries_total", 2, provider="thrice")


async def test_no_more_retries_than_are_set(rig: GatewayRig) -> None:
    rig.provider.script(BROKEN)
    answer = await ask(rig, "thrice")
    assert (answer.status, error_code(answer.body)) == (502, "upstream_error")
    assert len(rig.provider.requests) == 3


@pytest.mark.parametrize("fault", [replies.reset_before_a_byte(), replies.close_before_a_byte()])
async def test_a_connection_that_breaks_is_retried_at_once(rig: GatewayRig, fault: replies.Reply) -> None:
    rig.provider.drop_connections()  # on a connection that had served before it would not count at all
    rig.provider.script(fault, OK)
    answer = await ask(rig, "patient")
    assert answer.status == 200
    assert "reset_before_response" in (answer.header("x-fastgate-attempts") or "")


@pytest.mark.parametrize(
    ("model", "fault"),
    [
        ("patient", replies.status_reply(503, retry_after="1")),
        ("limited", replies.rate_limited("1")),
    ],
)
async def test_retry_after_is_waited_for(rig: GatewayRig, model: str, fault: replies.Reply) -> None:
    rig.provider.script(fault, OK)
    answer = await ask(rig, model)
    assert answer.status == 200
    first, second = (each.received_ns for each in of(rig.provider, model))
    assert 0.95e9 < second - first < 2.5e9
    line = await rig.line(answer.request_id)
    assert line["overhead_us"] < 500_000, "the wait is not our own time"


async def test_retry_after_as_a_date(rig: GatewayRig) -> None:
    """In whole seconds, so at most one second is lost."""
    fault = replies.status_reply(503, retry_after=formatdate(time.time() + 2, usegmt=True))
    rig.provider.script(fault, OK)
    assert (await ask(rig, "dated")).status == 200
    first, second = (each.received_ns for each in of(rig.provider, "dated"))
    assert 0.9e9 < second - first < 2.5e9


async def test_a_retry_after_that_is_too_long_is_told_to_the_client(rig: GatewayRig) -> None:
    rig.provider.script(replies.rate_limited("25"))
    answer = await ask(rig, "far")
    assert (answer.status, error_code(answer.body)) == (429, "rate_limit_exceeded")
    assert answer.header("retry-after") == "25"
    assert len(rig.provider.requests) == 1
    for later in await from_both_workers(rig, "far"):
        assert (later.status, error_code(later.body)) == (503, "no_healthy_deployment")
        assert 1 <= int(later.header("retry-after") or 0) <= 25
    assert len(rig.provider.requests) == 1


async def test_the_deadline_holds_in_a_wait_too(rig: GatewayRig) -> None:
    rig.provider.script(replies.status_reply(503, retry_after="2"))
    answer = await ask(rig, "hurried")
    assert (answer.status, error_code(answer.body)) == (504, "upstream_timeout")
    line = await rig.line(answer.request_id)
    assert 250 < line["duration_ms"] < 1500
    assert len(rig.provider.requests) == 1


async def test_the_client_leaves_in_a_wait(rig: GatewayRig) -> None:
    rig.provider.script(replies.status_reply(503, retry_after="3"))
    async with raw_client(rig.url) as client:
        await client.send(request(chat_body(model="left"), ("x-request-id", "left-waiting")))
        await reached(rig.provider, "left")
        await rig.gateway.until_metric(lambda scrape: _failures(scrape, "left") > 0)
    line = await rig.line("left-waiting")
    assert (line["finish"], line["client"]) == ("cancelled", "disconnected")
    assert line["duration_ms"] < 2500
    assert len(rig.provider.requests) == 1


def _failures(scrape: Scrape, provider: str) -> float:
    return scrape.value("fastgate_attempt_failures_total", provider=provider)


async def test_the_retry_budget(tmp_path: Path) -> None:
    """With no budget there is one attempt a request, whatever is configured beside it."""

    def without(url: str) -> dict[str, Any]:
        providers = {"one": backend("one", retries={"max": 5, **QUICK}), "two": backend("two")}
        upstream = {"retry_budget_ratio": 0, "retry_budget_min_per_s": 0}
        return config(url, providers, routes={"both": groups("one", "two")}, upstream=upstream)

    with GatewayRig(tmp_path, without) as rig:
        rig.provider.script(BROKEN)
        answer = await ask(rig, "both")
        assert (answer.status, error_code(answer.body)) == (502, "upstream_error")
        assert len(rig.provider.requests) == 1
        rig.check()


# --- the breaker ------------------------------------------------------------------------------------------


def breaker(scrape: Scrape) -> str:
    states = scrape.samples("fastgate_breaker_state", deployment="broken/broken")
    return next(sample.labels["state"] for sample in states if sample.value == 1)


async def test_the_breaker_opens_is_probed_and_closes(rig: GatewayRig) -> None:
    rig.provider.script(BROKEN)
    for _ in range(4):
        assert (await ask(rig, "broken")).status == 502
    assert breaker(await rig.gateway.ascrape()) == "open"
    assert _status(rig, "broken/broken")["breaker"] == "open"
    answers = await from_both_workers(rig, "broken")
    for answer in answers:
        assert (answer.status, error_code(answer.body)) == (503, "no_healthy_deployment")
        assert answer.header("retry-after") == "1"
    assert len(rig.provider.requests) == 4, "the provider is left alone, by both workers"
    await rig.gateway.until_metric(lambda scrape: breaker(scrape) == "half_open")
    gate = Gate()
    rig.provider.script(replies.reply(Wait(gate)) + OK)
    probe = asyncio.create_task(ask(rig, "broken"))
    await reached(rig.provider, "broken", 5)
    for answer in await from_both_workers(rig, "broken"):
        assert answer.status == 503, "one probe at a time"
    gate.open()
    assert (await probe).status == 200
    assert breaker(await rig.gateway.ascrape()) == "closed"
    assert {answer.status for answer in await from_both_workers(rig, "broken")} == {200}


def _status(rig: GatewayRig, deployment: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = rig.gateway.status()["deployments"]
    return next(each for each in found if each["id"] == deployment)


# --- credentials --------------------------------------------------------------------------------------------


def credential_state(scrape: Scrape, provider: str, credential: str) -> str:
    samples = scrape.samples("fastgate_credential_state", provider=provider, credential=credential)
    return next(sample.labels["state"] for sample in samples if sample.value == 1)


def states(rig: GatewayRig, provider: str) -> dict[str, str]:
    found = rig.gateway.status()["credentials"]
    return {each["id"]: each["state"] for each in found if each["provider"] == provider}


async def test_a_rejected_credential_is_out_everywhere(rig: GatewayRig) -> None:
    before = await rig.gateway.ascrape()
    rig.provider.script(replies.status_reply(401), secret="secret-of-keys-a")
    answers = await from_both_workers(rig, "keys")
    while not any("credential_rejected" in (each.header("x-fastgate-attempts") or "") for each in answers):
        answers += await from_both_workers(rig, "keys")
    assert {answer.status for answer in answers} == {200}, "the other credential serves"
    assert states(rig, "keys") == {"a": "rejected", "b": "ok"}
    after = await rig.counted(before, "fastgate_cooldowns_total", 1, provider="keys")
    assert credential_state(after, "keys", "a") == "rejected"
    assert credential_state(after, "keys", "b") == "ok"
    for model in ("keys", "keys-mini"):
        for answer in await from_both_workers(rig, model):
            assert answer.header("x-fastgate-attempts") == f"keys/{model}:b=ok(200)"
    tried = [each for each in rig.provider.requests if each.secret == "secret-of-keys-a"]
    assert len(tried) == 1


async def test_all_credentials_are_rejected(rig: GatewayRig) -> None:
    rig.provider.script(replies.status_reply(401), secret="secret-of-no")
    first = await ask(rig, "no")
    assert (first.status, error_code(first.body)) == (502, "upstream_error")
    for answer in await from_both_workers(rig, "no-mini"):
        assert (answer.status, error_code(answer.body)) == (503, "no_healthy_deployment")
        assert "configuration" in answer.error()["message"]
        assert answer.header("retry-after") is None
    for answer in await from_both_workers(rig, "no-then-spare"):
        assert answer.header("x-fastgate-attempts") == "spare/spare:main=ok(200)"
    assert len(of(rig.provider, "no")) == 1
