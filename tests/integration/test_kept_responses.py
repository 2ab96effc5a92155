"""`responses.store_translated`: what follows a response, where the provider knows nothing of responses."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import openai
import pytest
from tests.support import replies
from tests.support.backends import backend, config
from tests.support.builders import chat_events
from tests.support.gateway_process import SECRET
from tests.support.gateway_rig import GatewayRig
from tests.support.raw_client import Response, request

PATH = "/v1/responses"
OTHER = "sk-other-gateway-0123456789abcdef0123456789abcdef"
ENDPOINTS = ("chat",)


def configuration(url: str, **responses: Any) -> dict[str, Any]:
    providers = {
        "plain": backend("plain", endpoints=list(ENDPOINTS)),
        "native": backend("native"),
    }
    keys = [{"id": "vk_test", "secret": SECRET}, {"id": "vk_other", "secret": OTHER}]
    return config(url, providers, virtual_keys=keys, responses=responses)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    def configure(url: str) -> dict[str, Any]:
        return configuration(url, store_translated=True)

    with GatewayRig(tmp_path_factory.mktemp("kept"), configure) as rig:
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


async def post(rig: GatewayRig, secret: str = SECRET, **members: Any) -> Response:
    body = {"model": "plain", "input": "Hi", **members}
    return await rig.exchange(
        request(httpx.Request("POST", "http://x", json=body).content, path=PATH, secret=secret)
    )


async def ask(rig: GatewayRig, method: str, path: str, secret: str = SECRET) -> Response:
    return await rig.exchange(request(method=method, path=f"{PATH}/{path}", secret=secret))


def last_messages(rig: GatewayRig) -> list[tuple[str, str]]:
    messages = rig.provider.requests[-1].json()["messages"]
    return [(message["role"], message["content"]) for message in messages]


async def test_a_conversation_goes_on(rig: GatewayRig, sdk: openai.AsyncOpenAI) -> None:
    first = await sdk.responses.create(model="plain", input="One", instructions="Be kind.")
    second = await sdk.responses.create(
        model="plain", input=[{"role": "user", "content": "Two"}], previous_response_id=first.id
    )
    assert second.previous_response_id == first.id
    assert last_messages(rig) == [("user", "One"), ("assistant", "Hello there"), ("user", "Two")]
    third = await sdk.responses.create(
        model="plain", input="Three", instructions="Be brief.", previous_response_id=second.id
    )
    assert last_messages(rig) == [
        ("system", "Be brief."),
        ("user", "One"),
        ("assistant", "Hello there"),
        ("user", "Two"),
        ("assistant", "Hello there"),
        ("user", "Three"),
    ]
    assert len({first.id, second.id, third.id}) == 3


@pytest.mark.parametrize(
    "sent",
    [
        replies.chat_stream(["Hel", "lo"]),
        replies.chat_stream(["Hel", "lo"], gap_s=0.02),
        replies.sse_reply(chat_events(["Hel", "lo"])[:-1], gap_s=0.02),
    ],
    ids=["at once", "one event after the other", "without [DONE]"],
)
async def test_after_a_stream(rig: GatewayRig, sdk: openai.AsyncOpenAI, sent: replies.Reply) -> None:
    """Its id can be followed as soon as the last event is there."""
    rig.provider.script(sent)
    async with sdk.responses.stream(model="plain", input="One") as stream:
        async for event in stream:
            if event.type == "response.completed":
                streamed = event.response.id
                rig.provider.reset()
                await sdk.responses.create(model="plain", input="Two", previous_response_id=streamed)
    assert last_messages(rig) == [("user", "One"), ("assistant", "Hello"), ("user", "Two")]


async def test_items_that_are_only_referred_to(rig: GatewayRig, sdk: openai.AsyncOpenAI) -> None:
    """As Vercel's AI SDK says earlier answers."""
    first = await sdk.responses.create(model="plain", input="One")
    item_id = first.output[0].id
    assert item_id is not None
    response = await post(
        rig,
        input=[
            {"role": "user", "content": "One"},
            {"type": "item_reference", "id": item_id},
            {"role": "user", "content": "Two"},
        ],
    )
    assert response.status == 200
    assert last_messages(rig) == [("user", "One"), ("assistant", "Hello there"), ("user", "Two")]
    calls = len(rig.provider.requests)
    stranger = await post(rig, OTHER, input=[{"type": "item_reference", "id": item_id}])
    assert (stranger.status, stranger.error()["param"]) == (400, "input[0]")
    assert len(rig.provider.requests) == calls


async def test_a_provider_that_has_the_api_gets_the_whole_conversation(rig: GatewayRig) -> None:
    first = await post(rig, input="One")
    response_id = first.json()["id"]
    rig.provider.script(replies.json_reply(_native_response("resp_n")), path=PATH)
    assert (await post(rig, model="native", input="Two", previous_response_id=response_id)).status == 200
    sent = rig.provider.requests[-1].json()
    assert "previous_response_id" not in sent
    assert [item["role"] for item in sent["input"]] == ["user", "assistant", "user"]


async def test_fetched_listed_and_deleted(rig: GatewayRig, sdk: openai.AsyncOpenAI) -> None:
    made = await sdk.responses.create(model="plain", input="One", metadata={"a": "b"})
    calls = len(rig.provider.requests)
    fetched = await sdk.responses.retrieve(made.id)
    assert fetched == made
    assert fetched.store is True  # type: ignore[attr-defined]  # not among the SDK's types
    listed = await sdk.responses.input_items.list(made.id)
    assert [item.type for item in listed.data] == ["message"]
    await sdk.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.retrieve(made.id)
    assert (await post(rig, previous_response_id=made.id)).status == 404
    assert len(rig.provider.requests) == calls


async def test_pages_of_input_items(rig: GatewayRig, sdk: openai.AsyncOpenAI) -> None:
    said = [{"role": "user", "content": f"{number}"} for number in range(5)]
    made = (await post(rig, input=said)).json()["id"]

    def texts(page: Any) -> list[str]:
        return [item.content[0].text for item in page.data]

    newest = await sdk.responses.input_items.list(made, limit=2)
    assert (texts(newest), newest.has_more) == (["4", "3"], True)
    rest = await sdk.responses.input_items.list(made, after=newest.data[-1].id or "")
    assert (texts(rest), rest.has_more) == (["2", "1", "0"], False)
    oldest = await sdk.responses.input_items.list(made, order="asc", limit=1)
    assert texts(oldest) == ["0"]
    for query in ("limit=0", "limit=101", "limit=x", "order=up", "after=in_x"):
        response = await ask(rig, "GET", f"{made}/input_items?{query}")
        assert (response.status, response.error()["param"]) == (400, query.partition("=")[0])


async def test_what_it_cannot_do(rig: GatewayRig) -> None:
    made = (await post(rig)).json()["id"]
    for method, path in (("POST", f"{made}/cancel"), ("GET", f"{made}?stream=true")):
        response = await ask(rig, method, path)
        assert (response.status, response.error()["code"]) == (400, "invalid_field")


async def test_a_strangers_does_not_exist(rig: GatewayRig) -> None:
    made = (await post(rig)).json()["id"]
    unknown = "resp_fg" + "0" * 32
    calls = len(rig.provider.requests)
    for response_id in (made, unknown):
        for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
            response = await ask(rig, method, f"{response_id}{suffix}", OTHER)
            assert (response.status, response.error()["code"]) == (404, "response_not_found")
        response = await post(rig, OTHER, previous_response_id=response_id)
        assert (response.status, response.error()["code"]) == (404, "response_not_found")
    assert len(rig.provider.requests) == calls
    assert (await ask(rig, "GET", made)).status == 200


async def test_not_stored_where_the_client_does_not_want_it(rig: GatewayRig) -> None:
    response = await post(rig, store=False)
    assert response.json()["store"] is False
    assert (await ask(rig, "GET", response.json()["id"])).status == 404


async def test_a_failed_stream_is_not_kept(rig: GatewayRig) -> None:
    rig.provider.script(replies.stream_reset(["Hel"]))
    response = await post(rig, stream=True)
    response_id = response.body.partition(b'"id":"')[2].partition(b'"')[0].decode()
    assert b"response.failed" in response.body
    assert (await ask(rig, "GET", response_id)).status == 404


async def test_off_by_default(tmp_path_factory: pytest.TempPathFactory) -> None:
    with GatewayRig(tmp_path_factory.mktemp("off"), configuration) as rig:
        made = (await post(rig, store=True)).json()
        assert made["store"] is False
        calls = len(rig.provider.requests)
        assert (await ask(rig, "GET", made["id"])).status == 404
        response = await post(rig, previous_response_id=made["id"])
        assert (response.status, response.error()["code"]) == (400, "unsupported_field")
        assert response.error()["param"] == "previous_response_id"
        assert "responses.store_translated" in response.error()["message"]
        assert len(rig.provider.requests) == calls


async def test_what_is_referred_to_counts_for_the_size(tmp_path_factory: pytest.TempPathFactory) -> None:
    def configure(url: str) -> dict[str, Any]:
        small = {"server": {"port": 0, "max_body_bytes": 3_000}}
        return {**configuration(url, store_translated=True), **small}

    with GatewayRig(tmp_path_factory.mktemp("small"), configure) as rig:
        response_id = (await post(rig, input="x" * 2_500)).json()["id"]
        response = await post(rig, input="y", previous_response_id=response_id)
        assert response.status == 413
        assert response.error()["code"] == "request_too_large"


def _native_response(response_id: str) -> dict[str, Any]:
    return {"id": response_id, "object": "response", "status": "completed", "output": []}
