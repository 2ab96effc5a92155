"""How the money of an attempt ends: what is billed and why, what is given back, and never both."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from tests.support import replies
from tests.support.backends import group, groups
from tests.support.builders import LAST_CHUNK, chat_completion, chat_events, chunk
from tests.support.fake_provider import FakeProvider
from tests.support.replies import Gate, Reply, Wait
from tests.support.till import ANSWER, INPUT, OUTPUT, Till, error_of, price, yearly
from tests.support.upstream_calls import until
from tests.unit.pipeline.conftest import Open

from fastgate.domain.account import BudgetWord

BUDGET = "virtual key vk_test yearly"
QUICK = {"connect_s": 5, "headers_s": 0.05, "first_content_s": 0.05, "between_chunks_s": 0.05}
SETTINGS: dict[str, Any] = {"key": {"budget": yearly("1")}, "providers": {"gpt": {"timeouts": QUICK}}}

# What the upstream does; whether the request is streamed; how the attempt is billed, if at all.
ENDS: dict[str, tuple[Reply, bool, str | None]] = {
    "answer": (replies.chat_reply(), False, "complete"),
    "stream": (replies.chat_stream(), True, "complete"),
    "closed before a byte": (replies.close_before_a_byte(), False, None),
    "reset before a byte": (replies.reset_before_a_byte(), True, None),
    "400": (replies.status_reply(400), False, None),
    "401": (replies.status_reply(401), False, None),
    "429": (replies.rate_limited(), False, None),
    "500": (replies.status_reply(500), True, None),
    "redirect": (replies.redirect(), False, None),
    "error in a 200": (replies.json_reply({"error": {"message": "no", "code": "server_error"}}), False, None),
    "error before content": (replies.stream_error_first(), True, None),
    "no headers": (replies.stall_before_headers(), False, "failed"),
    "no content": (replies.stall_after_headers(), True, "failed"),
    "reset in an answer": (replies.reset_mid_body(), False, "failed"),
    "reset before content": (replies.stream_reset(), True, "failed"),
    "end before content": (replies.stream_clean_end(), True, "failed"),
    "not HTTP": (replies.garbage(), False, "failed"),
    "reset after content": (replies.stream_reset(["Hel", "lo"]), True, "cut"),
    "end after content": (replies.stream_clean_end(["Hel", "lo"]), True, "cut"),
    "silence after content": (replies.stream_stall(["Hel", "lo"]), True, "cut"),
    "error after content": (replies.stream_error_later(), True, "cut"),
}


@pytest.mark.parametrize("end", ENDS)
async def test_how_an_attempt_is_billed(opened: Open, provider: FakeProvider, end: str) -> None:
    reply, streamed, outcome = ENDS[end]
    provider.script(reply)
    async with opened(**SETTINGS) as till:
        await till.ask(stream=streamed, max_tokens=1_000)
        assert till.outcomes() == ([] if outcome is None else [outcome])
        if outcome is None:
            assert till.spent(BUDGET) == 0
            return
        closing = till.entry().closing
        assert closing.cost == till.spent(BUDGET) > 0
        assert closing.estimated is (outcome != "complete")
        if outcome == "complete":
            assert closing.cost == ANSWER
        if outcome == "failed":
            assert closing.usage.output_tokens == 0, "nothing was delivered"
        if outcome == "cut":
            assert closing.usage.output_tokens == 1, "Hel-lo"


async def test_a_connection_that_is_refused_costs_nothing(opened: Open, provider: FakeProvider) -> None:
    provider.refuse()
    async with opened(**SETTINGS) as till:
        assert (await till.ask()).status == 502
        assert till.plane.journaled() == []


async def test_a_deadline_is_billed(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.stall_before_headers())
    timeouts = {"total_s": 0.05}
    async with opened(key=SETTINGS["key"], providers={"gpt": {"timeouts": timeouts}}) as till:
        assert (await till.ask()).status == 504
        assert till.outcomes() == ["failed"]


# --- the client leaves --------------------------------------------------------------------------------

Leave = Callable[[Any, asyncio.Task[None]], None]


def hangs_up(talk: Any, task: asyncio.Task[None]) -> None:
    talk.left.set()


def is_cancelled(talk: Any, task: asyncio.Task[None]) -> None:
    """What the server does with the task of a request whose connection is lost."""
    task.cancel()


@pytest.mark.parametrize("leave", [hangs_up, is_cancelled])
async def test_the_client_leaves_before_any_answer(
    opened: Open, provider: FakeProvider, leave: Leave
) -> None:
    provider.script(replies.stall_before_headers())
    async with opened(key=SETTINGS["key"]) as till:
        talk, task = till.begin(max_tokens=10)
        await till.in_flight()
        leave(talk, task)
        with suppress(asyncio.CancelledError):
            await task
        assert till.outcomes() == ["cancelled"]
        closing = till.entry().closing
        assert (closing.estimated, closing.usage.output_tokens) == (True, 0)
        assert till.spent(BUDGET) == closing.cost == closing.usage.input_tokens * INPUT


@pytest.mark.parametrize("leave", [hangs_up, is_cancelled])
async def test_the_client_leaves_in_the_middle(opened: Open, provider: FakeProvider, leave: Leave) -> None:
    provider.script(replies.stream_stall(["one", " two", " three"]))
    async with opened(key=SETTINGS["key"]) as till:
        talk, task = till.begin(stream=True)
        await has_begun(talk)
        leave(talk, task)
        with suppress(asyncio.CancelledError):
            await task
        assert till.outcomes() == ["cancelled"]
        assert till.spent(BUDGET) == till.entry().closing.cost > 3 * OUTPUT


async def has_begun(talk: Any) -> None:
    await until(lambda: b" three" in talk.answer)


async def test_what_has_come_is_noted_with_the_hold(opened: Open, provider: FakeProvider) -> None:
    """From the first content on: a worker that is killed then leaves it to the control process."""
    gate = Gate()
    provider.script(replies.stream_then(["one"], Wait(gate), *map(chunk, chat_events(["end"])), LAST_CHUNK))
    async with opened() as till:
        talk, task = till.begin(stream=True)
        await until(lambda: b"one" in talk.answer)
        holds = till.plane.accounting.writer.holds
        (slot,) = holds.slots()
        noted = holds.read(slot)
        assert noted.chunks >= 1
        assert noted.output_bytes == len(talk.answer)
        gate.open()
        await task


async def test_a_client_whose_call_is_drained_pays_for_all_of_it(
    opened: Open, provider: FakeProvider
) -> None:
    gate = Gate()
    steps = [chunk(event) for event in chat_events(["end"])]
    provider.script(replies.stream_then(["one", " two", " three"], Wait(gate), *steps, LAST_CHUNK))
    async with opened(key={**SETTINGS["key"], "on_disconnect": "drain"}) as till:
        talk, task = till.begin(stream=True)
        await has_begun(talk)
        talk.left.set()
        gate.open()
        await task
        assert till.outcomes() == ["complete"]
        assert till.spent(BUDGET) == ANSWER


# --- several attempts ---------------------------------------------------------------------------------


async def test_each_attempt_has_an_entry_of_its_own(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.reset_mid_body(), model="first")
    settings = {"routes": {"route": groups("first", "gpt")}, "key": SETTINGS["key"]}
    async with opened("first", "gpt", **settings) as till:
        talk = await till.ask("route")
        assert talk.status == 200
        first, second = till.plane.journaled()
        assert (first.closing.outcome, second.closing.outcome) == ("failed", "complete")
        assert (first.opening.attempt, second.opening.attempt) == (1, 2)
        assert first.opening.request_id == second.opening.request_id
        assert first.closing.id != second.closing.id
        assert till.spent(BUDGET) == first.closing.cost + second.closing.cost
        assert (await till.ask()).status == 200
        assert len({entry.closing.id for entry in till.plane.journaled()}) == 3


async def test_what_lost_a_race_is_billed_too(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.stall_before_headers(), model="slow")
    route = {"groups": groups("slow", "gpt"), "hedge": {"after": "200ms"}}
    async with opened("slow", "gpt", routes={"route": route}, key=SETTINGS["key"]) as till:
        assert (await till.ask("route")).status == 200
        entries = {entry.opening.parties.provider: entry.closing for entry in till.plane.journaled()}
        assert {name: closing.outcome.value for name, closing in entries.items()} == {
            "slow": "hedge_lost",
            "gpt": "complete",
        }
        assert till.spent(BUDGET) == ANSWER + entries["slow"].cost


async def test_a_hedge_that_no_budget_covers_is_not_made(opened: Open, provider: FakeProvider) -> None:
    gate = Gate()
    provider.script(Reply((Wait(gate),)) + replies.chat_reply(), model="slow")
    route = {"groups": groups("slow", "gpt"), "hedge": {"after": "1ms"}}
    poor = {"gpt": {"budget": yearly("0.000001")}}
    async with opened("slow", "gpt", routes={"route": route}, providers=poor) as till:
        talk, task = till.begin("route")
        await till.in_flight()
        (budget,) = till.plane.snapshot.owners["provider/gpt"].budgets
        await until(lambda: till.plane.accounting.accounts.load(budget.line, BudgetWord.DENIALS))
        gate.open()
        await task
        assert talk.status == 200
        assert till.outcomes() == ["complete"]


async def test_the_body_of_a_refusal_that_does_not_come(
    opened: Open, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastgate.pipeline.attempt.REFUSAL_WAIT_S", 0.05)
    head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"
    provider.script(replies.reply(head, replies.Stall()))
    async with opened(key=SETTINGS["key"]) as till:
        assert (await till.ask()).status == 504
        assert till.outcomes() == [], "no provider bills what it refuses"
        assert till.spent(BUDGET) == 0


async def test_a_response_in_the_background_costs_what_it_may(opened: Open, provider: FakeProvider) -> None:
    """Nobody asks for it again whose call it would be: else a client had its output for nothing."""
    body: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "status": "queued",
        "output": [],
        "usage": None,
    }
    provider.script(replies.json_reply(body))
    async with opened(key=SETTINGS["key"]) as till:
        asked = b'{"model":"gpt/gpt","input":"Hi","background":true,"max_output_tokens":500}'
        assert (await till.send(asked, "/v1/responses")).status == 200
        closing = till.entry().closing
        assert (closing.estimated, closing.usage.output_tokens) == (True, 500)


async def test_the_answer_so_far_is_held_as_input_when_it_is_continued(
    opened: Open, provider: FakeProvider
) -> None:
    provider.script(replies.chat_stream(), model="gpt")
    provider.script(replies.stream_reset(["One" * 1_000, " two"]), model="first")
    settings = {
        "routes": {"route": {"groups": groups("first", "gpt"), "stream_failure": "continue"}},
        "key": {"budget": yearly("1", strict=True), "rate_limit": {"tokens_per_minute": 100_000}},
    }
    async with opened("first", "gpt", **settings) as till:
        assert (await till.ask("route", stream=True, max_tokens=10)).complete
        first, second = till.plane.journaled()
        assert second.opening.input_tokens > first.opening.input_tokens + 900
        assert second.opening.held >= first.opening.held + 3_000 * INPUT
        left = (await till.ask(max_tokens=1, stream=True)).headers[b"x-ratelimit-remaining-tokens"]
        used = sum(
            entry.closing.usage.input_tokens + entry.closing.usage.output_tokens
            for entry in till.plane.journaled()
        )
        assert abs(100_000 - int(left) - used) < 500, "the limit is corrected by what was taken from it"


async def test_a_stream_that_is_continued_costs_both_parts(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.chat_stream(), model="gpt")
    provider.script(replies.stream_reset(["One", " two"]), model="first")
    settings = {
        "routes": {"route": {"groups": groups("first", "gpt"), "stream_failure": "continue"}},
        "key": SETTINGS["key"],
    }
    async with opened("first", "gpt", **settings) as till:
        talk = await till.ask("route", stream=True)
        assert talk.complete
        assert till.outcomes() == ["cut", "complete"]
        assert till.spent(BUDGET) == sum(entry.closing.cost for entry in till.plane.journaled())


# --- the entry ----------------------------------------------------------------------------------------


async def test_what_an_entry_says(opened: Open, provider: FakeProvider) -> None:
    settings: dict[str, Any] = {
        "key": {
            "team_id": "inner",
            "tags": {"env": "prod"},
            "metadata": {"code": "1"},
            "budget": yearly("1"),
        },
        "customers": [{"id": "acme", "budget": yearly("1")}],
        "teams": [{"id": "inner", "parent_team_id": "outer"}, {"id": "outer", "customer_id": "acme"}],
        "routes": {"route": [group("gpt")]},
    }
    async with opened(**settings) as till:
        talk = await till.ask("route", max_tokens=50, headers=((b"x-request-id", b"req-7"),))
        entry = till.entry()
        opening, closing = entry.opening, entry.closing
        parties = opening.parties
        assert talk.headers[b"x-fastgate-request-id"] == talk.headers[b"x-request-id"] == b"req-7"
        assert (opening.request_id, opening.attempt, parties.virtual_key) == ("req-7", 1, "vk_test")
        assert (parties.customer, parties.teams) == ("acme", ("inner", "outer"))
        assert (parties.tags, parties.metadata) == ({"env": "prod"}, {"code": "1"})
        assert (parties.endpoint, opening.stream, opening.requested_model) == ("chat", False, "route")
        assert (parties.provider, parties.deployment, parties.credential) == ("gpt", "gpt/gpt", "main")
        assert (parties.model, parties.public_model) == ("gpt", "gpt")
        assert opening.held == opening.input_tokens * INPUT + 50 * OUTPUT
        assert opening.hold_price == closing.price != ""
        assert (closing.outcome, closing.status, closing.estimated) == ("complete", 200, False)
        assert (closing.usage.input_tokens, closing.usage.output_tokens) == (10, 3)
        assert closing.cost == ANSWER
        assert closing.settled_ns >= closing.admitted_ns > 0
        assert closing.duration_ms >= closing.ttft_ms >= 0
        assert len(set(closing.charged)) == 2
        assert closing.id.startswith(till.plane.accounting.writer.name)


async def test_every_opening_has_room(opened: Open) -> None:
    """Names are as long as a client and an operator can make them."""
    settings: dict[str, Any] = {
        "key": {"metadata": {f"name-{i}": "v" * 64 for i in range(8)}},
        "tags": {"allowed": ["feature"]},
    }
    wild = {"gpt": {"any_model": True}}
    async with opened(providers=wild, **settings) as till:
        header = (b"x-fastgate-tags", b"feature=" + b"x" * 64)
        talk = await till.ask("gpt/" + "\u00e4" * 250, headers=(header,))
        assert talk.status == 200, talk.answer
        assert till.entry().opening.parties.tags == {"feature": "x" * 64}


async def test_the_tier_of_the_answer_decides(opened: Open, provider: FakeProvider) -> None:
    flex = {**price("gpt", input_usd="0.5", output_usd="1"), "tier": "flex"}
    provider.script(replies.json_reply({**chat_completion(), "service_tier": "flex"}))
    async with opened(prices=[price("gpt"), flex], key=SETTINGS["key"]) as till:
        await till.ask(service_tier="flex")
        entry = till.entry()
        assert entry.closing.cost == till.spent(BUDGET) == ANSWER // 2
        assert entry.closing.usage.service_tier == "flex"


async def test_a_call_that_costs_more_than_was_held(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.json_reply(chat_completion(prompt_tokens=10_000, completion_tokens=10_000)))
    async with opened(key={"budget": yearly("0.001")}) as till:
        assert (await till.ask(max_tokens=1)).status == 200
        cost = 10_000 * (INPUT + OUTPUT)
        assert till.spent(BUDGET) == till.entry().closing.cost == cost
        overshoot = (await till.scrape()).value("fastgate_budget_overshoot_usd_sum")
        assert overshoot == pytest.approx((cost - till.entry().opening.held) / 1e9)
        assert error_of(await till.ask(max_tokens=1))[:2] == (402, "budget_exceeded")


async def test_the_metrics_of_money(opened: Open, provider: FakeProvider) -> None:
    provider.script(replies.sse_reply(chat_events(with_usage=False)), times=1)
    async with opened() as till:
        before = await till.scrape()
        await till.ask()
        await till.ask(stream=True)
        change = (await till.scrape()).since(before)
        cost = sum(entry.closing.cost for entry in till.plane.journaled())
        labels = frozenset({("provider", "gpt"), ("model", "gpt")})
        assert change["fastgate_cost_usd_total", labels] == pytest.approx(cost / 1e9)
        assert change["fastgate_estimated_usage_total", frozenset({("provider", "gpt")})] == 1


async def test_what_is_fetched_is_not_billed(opened: Open, provider: FakeProvider) -> None:
    stored: dict[str, Any] = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [],
        "usage": None,
    }
    provider.script(replies.json_reply(stored))
    async with opened(key=SETTINGS["key"]) as till:
        assert (await till.ask(path="/v1/responses", input="Hi")).status == 200
        billed = len(till.plane.journaled())
        talk = await till.fetch("/v1/responses/resp_1")
        assert talk.status == 200
        assert len(till.plane.journaled()) == billed == 1


# --- a journal without room ---------------------------------------------------------------------------

SMALL = {"journal": {"max_mb": 16}}


def fill(till: Till) -> None:
    """Until not even one call has room. The bound keeps the worker from making another segment."""
    writer = till.plane.accounting.writer
    while writer.has_room():
        writer.append(b"x" * 4_096)


@pytest.fixture
async def full(opened: Open) -> AsyncIterator[Till]:
    async with opened(ledger=SMALL, **SETTINGS) as till:
        fill(till)
        yield till


async def test_no_call_is_made_that_could_not_be_recorded(full: Till, provider: FakeProvider) -> None:
    talk = await full.ask()
    assert error_of(talk)[:2] == (503, "ledger_unavailable")
    assert int(talk.headers[b"retry-after"]) > 0
    assert provider.requests == []


async def test_a_call_that_has_begun_has_its_room(opened: Open, provider: FakeProvider) -> None:
    """Others fill the journal meanwhile, and what they leave is what was promised."""
    gate = Gate()
    provider.script(Reply((Wait(gate),)) + replies.chat_reply())
    async with opened(ledger=SMALL, key=SETTINGS["key"]) as till:
        _, task = till.begin()
        await till.in_flight()
        fill(till)
        gate.open()
        await task
        assert till.spent(BUDGET) == ANSWER
        writer = till.plane.accounting.writer
        assert writer.take_unrecorded() == 0


async def test_calls_go_on_unrecorded_where_that_is_the_policy(opened: Open) -> None:
    settings = {**SETTINGS, "ledger": {**SMALL, "when_full": "allow_unrecorded"}}
    async with opened(**settings) as till:
        fill(till)
        writer = till.plane.accounting.writer
        while writer.append(b"x" * 64):
            pass
        writer.take_unrecorded()
        assert (await till.ask()).status == 200
        assert writer.take_unrecorded() == 1
        assert till.spent(BUDGET) == 0, "what is in no ledger is in no budget"
