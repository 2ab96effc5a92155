"""Answers that are not what was asked for, and what is read, added or left out on the way."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from tests.support import replies
from tests.support.backends import ROLE, backends, config, finish, groups, of, streamed
from tests.support.builders import DONE as DONE_EVENT
from tests.support.builders import LAST_CHUNK, chat_chunk, chunk, error_body, head, sse, usage
from tests.support.event_stream import DONE, chat_stream, text_of
from tests.support.gateway_process import SECRET
from tests.support.gateway_rig import GatewayRig
from tests.support.raw_client import chat_body, request
from tests.support.replies import Send, Sleep, Stall, reply

OTHER_SECRET = "sk-test-other-0123456789abcdef0123456789abcdef"
TALKATIVE_SECRET = "sk-test-talkative-0123456789abcdef0123456789"


def configuration(url: str) -> dict[str, Any]:
    return config(
        url,
        backends("one", "two"),
        routes={"both": groups("one", "two")},
        virtual_keys=[
            {"id": "vk_test", "secret": SECRET},
            {"id": "vk_other", "secret": OTHER_SECRET},
            {"id": "vk_talkative", "secret": TALKATIVE_SECRET, "log_prompts": True},
        ],
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("relay"), configuration) as rig:
        yield rig


@pytest.fixture
def rig(shared: GatewayRig) -> Iterator[GatewayRig]:
    yield shared
    shared.check()


JSON = ("content-type", "application/json")


@pytest.mark.parametrize(("status", "result"), [(503, "server_error"), (429, "rate_limited")])
async def test_a_refusal_of_a_stream_whose_body_never_comes_fails_over_at_once(
    rig: GatewayRig, status: int, result: str
) -> None:
    stalled = reply(head(status, [JSON, ("content-length", "100")]), Stall())
    rig.provider.script(stalled, secret="secret-of-one")
    rig.provider.script(replies.chat_stream(["fine"]), secret="secret-of-two")
    async with chat_stream(rig.url, "both") as events:
        assert text_of(await events.chunks()) == "fine"
    line = await rig.line(events.head.request_id)
    first = line["attempts"][0]
    assert (first["result"], first["status"]) == (result, status)
    assert first["ms"] < 5_000, "it did not wait for the body"


async def test_a_refusal_whose_body_never_comes_fails_over_at_once(rig: GatewayRig) -> None:
    stalled = reply(head(503, [JSON, ("content-length", "100")]), Stall())
    rig.provider.script(stalled, secret="secret-of-one")
    rig.provider.script(replies.chat_reply("fine"), secret="secret-of-two")
    _, line = await _last_of_two(rig, chat_body(model="both"))
    assert (line["attempts"][0]["result"], line["attempts"][0]["status"]) == ("server_error", 503)
    assert line["attempts"][0]["ms"] < 5_000, "it did not wait for the body"


@pytest.mark.parametrize("pieces", [1, 3])
async def test_a_refusal_for_the_client_comes_whole(rig: GatewayRig, pieces: int) -> None:
    body = msgspec.json.encode(error_body("No such thing.", "invalid_request_error", "odd"))
    start = head(422, [JSON, ("content-length", str(len(body)))])
    size = -(-len(body) // pieces)
    steps = [step for at in range(0, len(body), size) for step in (Sleep(0.03), Send(body[at : at + size]))]
    rig.provider.script(reply(start, *steps), secret="secret-of-one")
    response = await rig.exchange(request(chat_body(model="both")))
    assert response.status == 422
    assert response.body == body


async def test_a_stream_that_was_not_asked_for_is_no_answer(rig: GatewayRig) -> None:
    rig.provider.script(replies.chat_stream(["odd"]), secret="secret-of-one")
    rig.provider.script(replies.chat_reply("fine"), secret="secret-of-two")
    response, _ = await _last_of_two(rig, chat_body(model="both"))
    assert response["choices"][0]["message"]["content"] == "fine"


@pytest.mark.parametrize("body", [b"", b"<html>hello</html>"], ids=["empty", "html"])
async def test_a_200_that_is_no_answer_fails_over(rig: GatewayRig, body: bytes) -> None:
    odd = reply(head(200, [("content-type", "text/html"), ("content-length", str(len(body)))]) + body)
    rig.provider.script(odd, secret="secret-of-one")
    rig.provider.script(replies.chat_reply("fine"), secret="secret-of-two")
    response, line = await _last_of_two(rig, chat_body(model="both"))
    assert response["choices"][0]["message"]["content"] == "fine"
    assert line["attempts"][0]["result"] == "protocol"


async def _last_of_two(rig: GatewayRig, body: bytes) -> tuple[Any, dict[str, Any]]:
    response = await rig.exchange(request(body))
    assert response.status == 200, response
    line = await rig.line(response.request_id)
    assert [attempt["deployment"] for attempt in line["attempts"]] == ["one/one", "two/two"]
    return response.json(), line


async def test_a_last_event_without_its_blank_line_counts(rig: GatewayRig) -> None:
    cut_done = chunk(DONE_EVENT.rstrip(b"\n") + b"\n")
    rig.provider.script(streamed(ROLE, "Hi", finish(), cut_done, LAST_CHUNK), secret="secret-of-one")
    async with chat_stream(rig.url, "one") as events:
        chunks = await events.chunks()
    assert chunks.count(DONE) == 1
    assert chunks[-1] == DONE
    assert (await rig.line(events.head.request_id))["finish"] == "complete"


NULLED = [
    chunk(sse({**chat_chunk({"content": piece}), "usage": None}))
    for piece in ('say "usage":null, twice ,"usage":null', " end")
]


@pytest.mark.parametrize("asked", [False, True], ids=["not asked", "asked"])
async def test_null_usage_is_for_those_who_asked_for_usage(rig: GatewayRig, asked: bool) -> None:
    final = chunk(sse(chat_chunk(None, usage=usage(11, 4))))
    rig.provider.script(
        streamed(ROLE, *NULLED, finish(), final, chunk(DONE_EVENT), LAST_CHUNK),
        secret="secret-of-one",
    )
    options = {"stream_options": {"include_usage": True}} if asked else {}
    async with chat_stream(rig.url, "one", **options) as events:
        chunks = [each for each in await events.chunks() if each != DONE]
    assert text_of(chunks) == 'say "usage":null, twice ,"usage":null end'
    assert any("usage" in each for each in chunks) is asked
    line = await rig.line(events.head.request_id)
    assert (line["input_tokens"], line["output_tokens"]) == (11, 4)


async def test_tenants_do_not_share_idempotency_keys(rig: GatewayRig) -> None:
    rig.provider.script(replies.chat_reply(), secret="secret-of-one")
    for secret in (SECRET, OTHER_SECRET):
        answer = await rig.exchange(request(chat_body(model="one"), ("Idempotency-Key", "k1"), secret=secret))
        assert answer.status == 200
    sent = [each.header("idempotency-key") for each in of(rig.provider, "one")]
    assert sent == ["vk_test:k1", "vk_other:k1"]


async def test_prompts_and_streamed_answers_are_logged_only_where_the_key_says_so(rig: GatewayRig) -> None:
    rig.provider.script(replies.chat_stream(["the", " answer"]), secret="secret-of-one")
    for secret, logged in ((SECRET, False), (TALKATIVE_SECRET, True)):
        body = chat_body(model="one", stream=True)
        response = await rig.exchange(request(body, secret=secret))
        line = await rig.line(response.request_id)
        assert ("prompt" in line, "answer" in line) == (logged, logged)
        if logged:
            assert msgspec.json.decode(line["prompt"]) == msgspec.json.decode(body)
            assert " answer" in line["answer"]
            assert line["answer"].endswith("data: [DONE]\n\n")


async def test_what_is_logged_of_an_answer_is_bounded(rig: GatewayRig) -> None:
    rig.provider.script(replies.chat_stream(["x" * 700_000, "y" * 700_000]), secret="secret-of-one")
    body = chat_body(model="one", stream=True)
    response = await rig.exchange(request(body, secret=TALKATIVE_SECRET))
    assert len(response.body) > 1_400_000
    assert len((await rig.line(response.request_id))["answer"]) == 1024 * 1024


async def test_a_metric_names_the_model_that_answered_whatever_it_was_called(rig: GatewayRig) -> None:
    rig.provider.script(replies.chat_reply(), secret="secret-of-one")
    before = await rig.gateway.ascrape()
    response = await rig.exchange(request(chat_body(model="one/one")))
    assert response.status == 200
    await rig.counted(before, "fastgate_requests_total", model="one", provider="one")
