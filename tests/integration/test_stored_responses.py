"""`/v1/responses`, and what is stored: at one deployment, for one credential, for one virtual key."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import types
from tests.support import replies
from tests.support.backends import backend, config, error_code, group, of, streamed
from tests.support.builders import LAST_CHUNK, chunk, error_body, sse
from tests.support.event_stream import stream
from tests.support.fake_provider import Request
from tests.support.gateway_process import SECRET
from tests.support.gateway_rig import GatewayRig
from tests.support.raw_client import Response, raw_client, request
from tests.support.replies import Gate, Reset, Stall, Wait
from tests.support.response_builders import created, deltas, ended, events, response_object

PATH = "/v1/responses"
OTHER = "sk-other-gateway-0123456789abcdef0123456789abcdef"
ROUTE_ONLY = "sk-route-gateway-0123456789abcdef0123456789abcdef"
STREAMED = b'{"model":"smart","input":"Hi","stream":true}'


def configuration(url: str) -> dict[str, Any]:
    """A response may come from any of two deployments with two credentials each."""
    providers = {
        name: backend(
            name,
            name,
            f"{name}-mini",
            credentials=[{"id": f"c{n}", "secret": f"secret-of-{name}-{n}", "weight": 1} for n in (1, 2)],
        )
        for name in ("left", "right")
    }
    keys = [
        {"id": "vk_test", "secret": SECRET},
        {"id": "vk_other", "secret": OTHER},
        {"id": "vk_route", "secret": ROUTE_ONLY, "allowed_models": ["smart"]},
    ]
    routes = {"smart": [group("left", "right")]}
    return config(url, {**providers, "spare": backend("spare")}, routes=routes, virtual_keys=keys)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("responses"), configuration) as rig:
        yield rig


@pytest.fixture
def rig(shared: GatewayRig) -> Iterator[GatewayRig]:
    yield shared
    shared.check()
    assert shared.gateway.status()["in_flight"] == 0


@pytest.fixture
async def sdk(rig: GatewayRig) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key=SECRET,
        base_url=f"{rig.url}/v1",
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


async def create(rig: GatewayRig, response_id: str, **more: Any) -> Request:
    """Make a response of this id at any deployment; the request that made it."""
    rig.provider.script(replies.json_reply(response_object(response_id)), path=PATH, times=1)
    body = response_body(**more)
    response = await rig.exchange(request(body, path=PATH))
    assert response.status == 200, response
    assert response.json()["id"] == response_id
    return rig.provider.requests[-1]


def response_body(**more: Any) -> bytes:
    return httpx.Request("POST", "http://x", json={"model": "smart", "input": "Hi", **more}).content


async def ask(rig: GatewayRig, method: str, path: str, secret: str = SECRET) -> Response:
    return await rig.exchange(request(method=method, path=path, secret=secret))


@pytest.mark.parametrize(
    ("method", "suffix"), [("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")]
)
async def test_goes_to_the_deployment_and_credential_that_made_it(
    rig: GatewayRig, method: str, suffix: str
) -> None:
    """Eight responses, so that all four places have had their turn but for a chance of one in some dozens;
    each is asked for where it is, and nowhere else."""
    for number in range(8):
        response_id = f"resp_{method}{len(suffix)}_{number}"
        made_by = await create(rig, response_id)
        rig.provider.script(replies.json_reply({"id": response_id, "object": "response"}), times=1)
        response = await ask(rig, method, f"{PATH}/{response_id}{suffix}?include=a&api-version=1&limit=2")
        assert response.status == 200
        assert response.json() == {"id": response_id, "object": "response"}
        asked = rig.provider.requests[-1]
        assert (asked.method, asked.target) == (
            method,
            f"{PATH}/{response_id}{suffix}?include=a&limit=2",
        )
        assert asked.secret == made_by.secret
        assert asked.body == b""


async def test_the_sdk_creates_fetches_cancels_and_deletes(rig: GatewayRig, sdk: openai.AsyncOpenAI) -> None:
    made = response_object("resp_sdk")
    rig.provider.script(replies.json_reply(made), path=PATH)
    response = await sdk.responses.create(model="smart", input="Hi")
    assert (response.id, response.output_text) == ("resp_sdk", "Hello there")
    line = await rig.gateway.log_line(endpoint="responses", method="POST", path=PATH, input_tokens=7)
    assert (line["output_tokens"], line["cached_input_tokens"], line["reasoning_tokens"]) == (3, 2, 1)
    rig.provider.script(replies.json_reply(made), path=f"{PATH}/resp_sdk")
    assert (await sdk.responses.retrieve("resp_sdk")).output_text == "Hello there"
    rig.provider.script(replies.json_reply({**made, "status": "cancelled"}), path=f"{PATH}/resp_sdk/cancel")
    assert (await sdk.responses.cancel("resp_sdk")).status == "cancelled"
    deleted = {"id": "resp_sdk", "object": "response.deleted", "deleted": True}
    rig.provider.script(replies.json_reply(deleted), path=f"{PATH}/resp_sdk")
    await sdk.responses.delete("resp_sdk")
    rig.provider.script(replies.status_reply(404, error_body("Gone.")), path=f"{PATH}/resp_sdk")
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.retrieve("resp_sdk")


async def test_a_strangers_response_does_not_exist(rig: GatewayRig) -> None:
    await create(rig, "resp_mine")
    calls = len(rig.provider.requests)
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
        response = await ask(rig, method, f"{PATH}/resp_mine{suffix}", OTHER)
        assert (response.status, response.error()["code"]) == (404, "response_not_found")
        assert response.error()["param"] == "response_id"
        unknown = await ask(rig, method, f"{PATH}/resp_nobodys{suffix}", OTHER)
        assert unknown.error()["message"] == response.error()["message"], "the two must not be told apart"
    body = response_body(previous_response_id="resp_mine")
    response = await rig.exchange(request(body, path=PATH, secret=OTHER))
    assert (response.status, response.error()["code"]) == (404, "response_not_found")
    assert response.error()["param"] == "previous_response_id"
    assert len(rig.provider.requests) == calls


async def test_a_missing_virtual_key(rig: GatewayRig) -> None:
    response = await rig.exchange(request(method="GET", path=f"{PATH}/resp_mine", secret=None))
    assert (response.status, response.error()["code"]) == (401, "missing_virtual_key")


async def test_what_follows_a_response_goes_to_the_same_place(rig: GatewayRig) -> None:
    for number in range(6):
        made_by = await create(rig, f"resp_before_{number}")
        follows = await create(rig, f"resp_after_{number}", previous_response_id=f"resp_before_{number}")
        assert follows.secret == made_by.secret
        assert follows.json()["previous_response_id"] == f"resp_before_{number}"
        assert follows.json()["model"] == made_by.json()["model"], "the name that the deployment knows"


async def test_another_model_at_the_same_place(rig: GatewayRig) -> None:
    made_by = await create(rig, "resp_large")
    place, elsewhere = ("left", "right") if made_by.model == "left" else ("right", "left")
    follows = await create(rig, "resp_small", model=f"{place}-mini", previous_response_id="resp_large")
    assert (follows.model, follows.secret) == (f"{place}-mini", made_by.secret)
    body = response_body(model=f"{elsewhere}-mini", previous_response_id="resp_large")
    response = await rig.exchange(request(body, path=PATH))
    assert (response.status, response.error()["code"]) == (404, "model_not_found")
    body = response_body(model="auto", previous_response_id="resp_large")
    rig.provider.script(replies.json_reply(response_object("resp_auto")), path=PATH)
    assert (await rig.exchange(request(body, path=PATH))).status == 200
    assert (rig.provider.requests[-1].model, rig.provider.requests[-1].secret) == (place, made_by.secret)


async def test_a_key_that_may_use_the_route_alone_gets_its_response(rig: GatewayRig) -> None:
    rig.provider.script(replies.json_reply(response_object("resp_route")), path=PATH)
    made = await rig.exchange(request(response_body(), path=PATH, secret=ROUTE_ONLY))
    assert made.status == 200
    rig.provider.script(replies.json_reply(response_object("resp_route")), path=f"{PATH}/resp_route")
    assert (await ask(rig, "GET", f"{PATH}/resp_route", ROUTE_ONLY)).status == 200
    body = response_body(previous_response_id="resp_route")
    assert (await rig.exchange(request(body, path=PATH, secret=ROUTE_ONLY))).status == 200
    body = response_body(model="left-mini", previous_response_id="resp_route")
    assert (await rig.exchange(request(body, path=PATH, secret=ROUTE_ONLY))).status == 404


async def test_a_pinned_call_has_no_fallback(rig: GatewayRig) -> None:
    """Nobody else has the conversation."""
    await create(rig, "resp_pinned")
    rig.provider.script(replies.status_reply(503), path=PATH)
    body = response_body(previous_response_id="resp_pinned", fallbacks=["spare"])
    response = await rig.exchange(request(body, path=PATH))
    assert (response.status, error_code(response.body)) == (502, "upstream_error")
    assert of(rig.provider, "spare") == []


async def test_not_stored_is_not_remembered(rig: GatewayRig) -> None:
    await create(rig, "resp_unstored", store=False)
    response = await ask(rig, "GET", f"{PATH}/resp_unstored")
    assert (response.status, response.error()["code"]) == (404, "response_not_found")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PUT", "resp_1", 405, "GET, DELETE"),
        ("GET", "resp_1/cancel", 405, "POST"),
        ("POST", "resp_1/input_items", 405, "GET"),
        ("GET", "resp_1/other", 404, None),
        ("GET", "", 404, None),
        ("GET", "resp%2F..%2Fmodels", 404, None),
        ("GET", "resp_1/../../models", 404, None),
    ],
)
async def test_paths_below_responses(
    rig: GatewayRig, method: str, path: str, status: int, allow: str | None
) -> None:
    response = await ask(rig, method, f"{PATH}/{path}")
    assert response.status == status
    assert response.error()["code"] == ("method_not_allowed" if status == 405 else "unknown_path")
    assert response.header("allow") == allow
    assert rig.provider.requests == []


# --- streams --------------------------------------------------------------------------------------------


async def test_a_streamed_response(rig: GatewayRig, sdk: openai.AsyncOpenAI) -> None:
    rig.provider.script(replies.sse_reply(events("resp_stream", "Hel", "lo")), path=PATH)
    async with await sdk.responses.create(model="smart", input="Hi", stream=True) as answer:
        received = [event async for event in answer]
    assert [event.sequence_number for event in received] == [0, 1, 2, 3, 4]
    assert received[-1].type == "response.completed"
    made_by = rig.provider.requests[-1]
    assert "stream_options" not in made_by.json(), "usage comes with the terminal event by itself"
    rig.provider.script(replies.json_reply(response_object("resp_stream")), path=f"{PATH}/resp_stream")
    await sdk.responses.retrieve("resp_stream")
    assert rig.provider.requests[-1].secret == made_by.secret


async def test_what_comes_before_the_first_content_is_held_back(rig: GatewayRig) -> None:
    """So that a failure before it goes to the next deployment, unseen."""
    broken = streamed(*(chunk(event) for event in created("resp_broken")), Reset())
    good = replies.sse_reply(events("resp_good", "Hello"))
    for name, other in (("left", "right"), ("right", "left")):
        rig.provider.script(broken, path=PATH, model=name, times=1)
        rig.provider.script(good, path=PATH, model=other, times=1)
        async with stream(rig.url, STREAMED, PATH) as answer:
            assert "resp_broken" not in " ".join(await answer.rest())
            assert answer.head.status == 200
        rig.provider.reset()


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one write"])
@pytest.mark.parametrize(
    "fault",
    [Reset(), replies.Send(LAST_CHUNK), replies.Send(chunk(sse({"type": "error", "message": "x"}, "error")))],
    ids=["reset", "truncated", "error event"],
)
async def test_a_break_ends_in_response_failed(
    rig: GatewayRig, sdk: openai.AsyncOpenAI, fault: replies.Step, together: bool
) -> None:
    """With the number that follows, and the response as far as it was known."""
    sent = [*created("resp_fails"), *deltas("Hel", "lo", " you")]
    pieces = [chunk(b"".join(sent))] if together else [chunk(event) for event in sent]
    seen = Gate()
    rig.provider.script(streamed(*pieces, Wait(seen), fault), path=PATH)
    received: list[types.responses.ResponseStreamEvent] = []
    async with await sdk.responses.create(model="smart", input="Hi", stream=True) as answer:
        request_id = answer.response.headers["x-fastgate-request-id"]
        async for event in answer:
            received.append(event)
            if event.sequence_number == 4:
                seen.open()
    assert [event.sequence_number for event in received] == [0, 1, 2, 3, 4, 5]
    last = received[-1]
    assert isinstance(last, types.responses.ResponseFailedEvent)
    assert (last.response.id, last.response.status) == ("resp_fails", "failed")
    assert last.response.error is not None
    assert last.response.error.code == "server_error"
    line = await rig.line(request_id)
    assert (line["finish"], line["code"]) == ("cut", "upstream_error")


async def test_the_providers_own_terminal_events_are_the_end(rig: GatewayRig) -> None:
    """`response.incomplete` is an answer like any other, and what comes after it is not waited for."""
    incomplete = ended("resp_inc", 3, "Hel", "incomplete")
    sent = [*created("resp_inc"), *deltas("Hel"), incomplete]
    rig.provider.script(streamed(*(chunk(event) for event in sent), Stall()), path=PATH)
    async with stream(rig.url, STREAMED, PATH) as answer:
        received = await answer.rest()
        line = await rig.line(answer.head.request_id)
    assert '"response.incomplete"' in received[-1]
    assert (line["finish"], line["input_tokens"]) == ("complete", 7)


async def test_a_response_can_be_cancelled_while_it_streams(rig: GatewayRig) -> None:
    gate = Gate()
    sent = [chunk(event) for event in [*created("resp_bg"), *deltas("Hel")]]
    end = chunk(ended("resp_bg", 3)) + LAST_CHUNK
    rig.provider.script(streamed(*sent, Wait(gate), end), path=PATH)
    cancelled = response_object("resp_bg", None, status="cancelled")
    rig.provider.script(replies.json_reply(cancelled), path=f"{PATH}/resp_bg/cancel")
    async with stream(rig.url, STREAMED, PATH) as answer:
        while "Hel" not in (await answer.event() or ""):
            pass
        response = await ask(rig, "POST", f"{PATH}/resp_bg/cancel")
        gate.open()
        await answer.rest()
    assert (response.status, response.json()["status"]) == (200, "cancelled")


async def test_a_stored_stream_is_taken_up_again(rig: GatewayRig) -> None:
    """`GET …?stream=true&starting_after=2` streams what comes after."""
    await create(rig, "resp_again")
    rest = [*deltas("lo", start=3), ended("resp_again", 4)]
    rig.provider.script(replies.sse_reply(rest), path=f"{PATH}/resp_again")
    async with raw_client(rig.url) as client:
        await client.send(request(method="GET", path=f"{PATH}/resp_again?stream=true&starting_after=2"))
        response = await client.response()
    assert response.header("content-type") == "text/event-stream; charset=utf-8"
    assert response.body == b"".join(rest)
    assert rig.provider.requests[-1].target == f"{PATH}/resp_again?stream=true&starting_after=2"


# --- what outlives a worker ------------------------------------------------------------------------------


async def test_a_restarted_worker_remembers(tmp_path: Path) -> None:
    with GatewayRig(tmp_path, configuration) as rig:
        made_by = await create(rig, "resp_survivor")
        killed = rig.gateway.kill("worker-1")
        answer = replies.json_reply(response_object("resp_survivor"))
        rig.provider.script(answer, path=f"{PATH}/resp_survivor")
        response = await ask(rig, "GET", f"{PATH}/resp_survivor")
        assert response.status == 200
        assert rig.provider.requests[-1].secret == made_by.secret
        assert rig.gateway.pids()["worker-1"] != killed
