"""Hedging (`route.hedge`): the first content wins, what lost is closed and accounted for."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support import replies
from tests.support.backends import (
    ROLE,
    backend,
    backends,
    config,
    error_code,
    groups,
    of,
    reached,
    streamed,
)
from tests.support.builders import DONE as DONE_EVENT
from tests.support.builders import LAST_CHUNK, chunk, error_body
from tests.support.event_stream import DONE, EventStream, chat_stream, text_of
from tests.support.gateway_rig import GatewayRig
from tests.support.metrics import Scrape
from tests.support.raw_client import chat_body, raw_client, request
from tests.support.replies import Gate, Reply, Sleep, Stall, Wait

STARTED = "fastgate_hedges_started_total"
WON = "fastgate_hedges_won_total"
FAILURES = "fastgate_attempt_failures_total"
NAMES = ("one", "two", "three")
GOOD = {False: replies.chat_reply("answer"), True: replies.chat_stream(["ans", "wer"])}
BOTH_FORMS = pytest.mark.parametrize("streams", [False, True], ids=["plain", "streamed"])


LIMITED = replies.rate_limited("7")
BROKEN = replies.status_reply(500)
FAILING: dict[str, tuple[Reply, Reply, int, str]] = {
    "hedge-limited": (BROKEN, LIMITED, 429, "rate_limit_exceeded"),
    "first-limited": (LIMITED, BROKEN, 429, "rate_limit_exceeded"),
    "both-broken": (BROKEN, replies.close_before_a_byte(), 502, "upstream_error"),
    "hedge-late": (BROKEN, replies.stall_before_headers(), 504, "upstream_timeout"),
}


def hedged(*names: str, after: str = "100ms", most: int = 1) -> dict[str, Any]:
    return {"groups": groups(*names), "hedge": {"after": after, "max": most}}


def configuration(url: str) -> dict[str, Any]:
    """What is rate limited cools down, so each case of that has two backends for itself."""
    losers = [f"{each}-{form}" for each in FAILING for form in ("plain", "streamed")]
    quick = {
        f"{name}-{n}": backend(f"{name}-{n}", timeouts={"headers_s": 0.4}) for name in losers for n in (1, 2)
    }
    routes = {
        **{name: hedged(f"{name}-1", f"{name}-2") for name in losers},
        "pair": hedged("one", "two"),
        "pair-of-three": hedged(*NAMES),
        "three": hedged(*NAMES, most=2),
        "p95": hedged("measured", "two", after="p95"),
        "off": {"groups": groups("one", "two")},
    }
    return config(url, {**backends(*NAMES, "measured"), **quick}, routes=routes)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("hedging"), configuration) as rig:
        yield rig


@pytest.fixture
def rig(shared: GatewayRig) -> Iterator[GatewayRig]:
    yield shared
    shared.check()
    assert shared.gateway.status()["in_flight"] == 0


async def ask(rig: GatewayRig, model: str, streams: bool) -> tuple[int, dict[str, str], str]:
    """Status, headers, and the text of the answer or the code of the error."""
    if streams:
        async with chat_stream(rig.url, model) as answer:
            headers = dict(answer.head.headers)
            if answer.head.status != 200:
                return answer.head.status, headers, error_code(await body_of(answer))
            chunks = await answer.chunks()
            assert chunks[-1] == DONE
            return 200, headers, text_of(chunks)
    response = await rig.exchange(request(chat_body(model=model)))
    if response.status != 200:
        return response.status, dict(response.headers), error_code(response.body)
    return 200, dict(response.headers), response.json()["choices"][0]["message"]["content"]


async def body_of(answer: EventStream) -> bytes:
    return await answer.client.exactly(int(answer.head.header("content-length") or 0))


def changes(before: Scrape, after: Scrape, name: str) -> dict[str, float]:
    """By provider (and kind): what was counted in between."""
    return {
        "/".join(value for key, value in sorted(labels, reverse=True)): change
        for (sample, labels), change in after.since(before).items()
        if sample == name
    }


@BOTH_FORMS
async def test_the_hedge_wins_over_a_slow_first(rig: GatewayRig, streams: bool) -> None:
    before = await rig.gateway.ascrape()
    rig.provider.script(replies.stall_before_headers(), model="one")
    rig.provider.script(GOOD[streams], model="two")
    status, headers, text = await ask(rig, "pair", streams)
    assert (status, text) == (200, "answer")
    assert headers["x-fastgate-provider"] == "two"
    assert headers["x-fastgate-attempts"] == "one/one:main=cancelled, two/two:main=ok(200)"
    assert int(headers["x-fastgate-overhead-us"]) > 0, "waits at the same time were subtracted twice"
    await rig.upstream_closed(of(rig.provider, "one")[0].connection)
    line = await rig.line(headers["x-fastgate-request-id"])
    assert [each["result"] for each in line["attempts"]] == ["cancelled", "ok"]
    assert (line["hedges"], line.get("fallbacks", 0), line["finish"]) == (1, 0, "complete")
    after = await rig.counted(before, "fastgate_requests_total")
    assert changes(before, after, STARTED) == {"two": 1}
    assert changes(before, after, WON) == {"two": 1}
    assert changes(before, after, FAILURES) == {"one/cancelled": 1}
    assert changes(before, after, "fastgate_attempts_total") == {"one/one/one": 1, "two/two/two": 1}


async def test_a_stream_without_content_is_no_answer_yet(rig: GatewayRig) -> None:
    """The first has sent headers and a role chunk: the hedge may still win, and its role is the only one."""
    rig.provider.script(streamed(ROLE, Stall()), model="one")
    rig.provider.script(GOOD[True], model="two")
    async with chat_stream(rig.url, "pair") as answer:
        assert answer.head.header("x-fastgate-provider") == "two"
        chunks = await answer.chunks()
    roles = [c["choices"][0]["delta"].get("role") for c in chunks if c != DONE and c["choices"]]
    assert roles.count("assistant") == 1
    assert text_of(chunks) == "answer"
    await rig.upstream_closed(of(rig.provider, "one")[0].connection)


@BOTH_FORMS
async def test_the_first_wins_while_the_hedge_runs(rig: GatewayRig, streams: bool) -> None:
    before = await rig.gateway.ascrape()
    gate = Gate()
    rig.provider.script(replies.reply(Wait(gate)) + GOOD[streams], model="one")
    rig.provider.script(replies.stall_before_headers(), model="two")
    async with raw_client(rig.url) as client:
        await client.send(request(chat_body(model="pair", stream=streams)))
        loser = await reached(rig.provider, "two")
        gate.open()
        response = await client.response()
    assert response.status == 200
    assert response.header("x-fastgate-attempts") == "one/one:main=ok(200), two/two:main=cancelled"
    await rig.upstream_closed(loser.connection)
    after = await rig.counted(before, "fastgate_requests_total")
    assert changes(before, after, STARTED) == {"two": 1}
    assert changes(before, after, WON) == {}
    assert changes(before, after, FAILURES) == {"two/cancelled": 1}


async def test_the_stream_goes_on_after_the_race(rig: GatewayRig) -> None:
    """Closing the loser does not touch the winner's stream, which has just begun."""
    gate = Gate()
    rig.provider.script(replies.stall_before_headers(), model="one")
    end = chunk(DONE_EVENT) + LAST_CHUNK
    rig.provider.script(streamed(ROLE, "begin", Wait(gate), " end", end), model="two")
    async with chat_stream(rig.url, "pair") as answer:
        assert '"role"' in (await answer.event() or "")
        assert "begin" in (await answer.event() or "")
        await rig.upstream_closed(of(rig.provider, "one")[0].connection)
        gate.open()
        assert text_of((await answer.chunks())[:-1]) == " end"


async def test_two_hedges(rig: GatewayRig) -> None:
    rig.provider.script(replies.stall_before_headers(), model="one")
    rig.provider.script(replies.stall_before_headers(), model="two")
    rig.provider.script(GOOD[False], model="three")
    status, headers, text = await ask(rig, "three", False)
    assert (status, text) == (200, "answer")
    assert headers["x-fastgate-attempts"] == (
        "one/one:main=cancelled, two/two:main=cancelled, three/three:main=ok(200)"
    )
    for name in ("one", "two"):
        await rig.upstream_closed(of(rig.provider, name)[0].connection)


async def test_no_more_hedges_than_the_route_allows(rig: GatewayRig) -> None:
    rig.provider.script(replies.reply(Sleep(0.5)) + GOOD[False], model="one")
    rig.provider.script(replies.stall_before_headers(), model="two")
    status, headers, _ = await ask(rig, "pair-of-three", False)
    assert (status, headers["x-fastgate-provider"]) == (200, "one")
    assert of(rig.provider, "three") == []


async def test_off_by_default(rig: GatewayRig) -> None:
    rig.provider.script(replies.reply(Sleep(0.4)) + GOOD[False], model="one")
    status, headers, _ = await ask(rig, "off", False)
    assert (status, headers["x-fastgate-attempts"]) == (200, "one/one:main=ok(200)")
    assert of(rig.provider, "two") == []


async def test_a_quick_answer_needs_no_hedge(rig: GatewayRig) -> None:
    rig.provider.script(GOOD[False], model="one")
    status, headers, _ = await ask(rig, "pair", False)
    assert (status, headers["x-fastgate-attempts"]) == (200, "one/one:main=ok(200)")
    assert of(rig.provider, "two") == []


@BOTH_FORMS
async def test_a_failure_before_the_hedge_is_an_ordinary_fallback(rig: GatewayRig, streams: bool) -> None:
    before = await rig.gateway.ascrape()
    rig.provider.script(replies.status_reply(503), model="one")
    rig.provider.script(GOOD[streams], model="two")
    status, headers, text = await ask(rig, "pair", streams)
    assert (status, text) == (200, "answer")
    line = await rig.line(headers["x-fastgate-request-id"])
    assert (line["fallbacks"], line.get("hedges", 0)) == (1, 0)
    after = await rig.counted(before, "fastgate_requests_total")
    assert changes(before, after, STARTED) == {}


async def test_after_p95(rig: GatewayRig) -> None:
    """Too little is known for a p95 at first, so there is no hedge; twenty answers later there is one."""
    rig.provider.script(replies.reply(Sleep(0.3)) + GOOD[False], model="measured", times=1)
    assert (await ask(rig, "p95", False))[1]["x-fastgate-attempts"] == "measured/measured:main=ok(200)"
    rig.provider.script(GOOD[False], model="measured")
    for _ in range(40):
        await ask(rig, "p95", False)
    rig.provider.script(replies.stall_before_headers(), model="measured")
    rig.provider.script(GOOD[False], model="two")
    status, headers, _ = await ask(rig, "p95", False)
    assert status == 200
    assert headers["x-fastgate-attempts"] == "measured/measured:main=cancelled, two/two:main=ok(200)"


# --- failures -----------------------------------------------------------------------------------------


@BOTH_FORMS
async def test_the_first_fails_while_the_hedge_runs(rig: GatewayRig, streams: bool) -> None:
    first, second = Gate(), Gate()
    rig.provider.script(replies.reply(Wait(first)) + replies.status_reply(503), model="one")
    rig.provider.script(replies.reply(Wait(second)) + GOOD[streams], model="two")
    async with raw_client(rig.url) as client:
        await client.send(request(chat_body(model="pair", stream=streams)))
        await reached(rig.provider, "two")
        first.open()
        await rig.gateway.until_metric(lambda scrape: _server_errors(scrape, "one") > 0)
        second.open()
        response = await client.response()
    assert response.status == 200
    assert response.header("x-fastgate-attempts") == "one/one:main=server_error(503), two/two:main=ok(200)"
    line = await rig.line(response.request_id)
    assert (line["hedges"], line.get("fallbacks", 0)) == (1, 0)


def _server_errors(scrape: Scrape, provider: str) -> float:
    return scrape.value(FAILURES, provider=provider, kind="server_error")


@BOTH_FORMS
@pytest.mark.parametrize("case", list(FAILING))
async def test_both_fail_and_the_most_telling_error_comes(rig: GatewayRig, streams: bool, case: str) -> None:
    """The first fails when the hedge is under way; the hedge fails after it."""
    first, second, status, code = FAILING[case]
    model = f"{case}-{'streamed' if streams else 'plain'}"
    gate = Gate()
    rig.provider.script(replies.reply(Wait(gate)) + first, model=f"{model}-1")
    rig.provider.script(replies.reply(Sleep(0.05)) + second, model=f"{model}-2")
    async with raw_client(rig.url) as client:
        await client.send(request(chat_body(model=model, stream=streams)))
        await reached(rig.provider, f"{model}-2")
        gate.open()
        response = await client.response()
    assert (response.status, error_code(response.body)) == (status, code)
    assert response.header("retry-after") == ("7" if status == 429 else None)
    line = await rig.line(response.request_id)
    assert len(line["attempts"]) == 2
    assert (line["hedges"], line["finish"]) == (1, "error")


REFUSED = replies.status_reply(400, error_body("No.", "invalid_request_error", "unsupported_value"))


@BOTH_FORMS
@pytest.mark.parametrize(("refuses", "other"), [("one", "two"), ("two", "one")])
async def test_a_refused_request_ends_the_race(
    rig: GatewayRig, streams: bool, refuses: str, other: str
) -> None:
    """Whoever says 400 says it of the request, so nobody else is asked any more."""
    gate = Gate()
    rig.provider.script(replies.reply(Wait(gate)) + REFUSED, model=refuses)
    rig.provider.script(replies.stall_before_headers(), model=other)
    async with raw_client(rig.url) as client:
        await client.send(request(chat_body(model="pair-of-three", stream=streams)))
        await reached(rig.provider, "two")
        gate.open()
        response = await client.response()
    assert (response.status, error_code(response.body)) == (400, "unsupported_value")
    await rig.upstream_closed(of(rig.provider, other)[0].connection)
    line = await rig.line(response.request_id)
    assert {each["deployment"]: each["result"] for each in line["attempts"]} == {
        f"{refuses}/{refuses}": "client_error",
        f"{other}/{other}": "cancelled",
    }
    assert of(rig.provider, "three") == []


@BOTH_FORMS
async def test_the_client_leaves_while_both_run(rig: GatewayRig, streams: bool) -> None:
    before = await rig.gateway.ascrape()
    rig.provider.script(replies.stall_before_headers(), model="one")
    rig.provider.script(streamed(ROLE, Stall()), model="two")
    async with raw_client(rig.url) as client:
        mine = ("x-request-id", f"leaves-{streams}")
        await client.send(request(chat_body(model="pair-of-three", stream=streams), mine))
        await reached(rig.provider, "two")
    for name in ("one", "two"):
        await rig.upstream_closed(of(rig.provider, name)[0].connection)
    after = await rig.counted(before, "fastgate_client_disconnects_total")
    assert changes(before, after, WON) == {}
    assert changes(before, after, FAILURES) == {"one/cancelled": 1, "two/cancelled": 1}
    line = await rig.line(mine[1])
    assert (line["client"], line["finish"]) == ("disconnected", "cancelled")
    assert of(rig.provider, "three") == []
