"""`stream_failure: continue`: the next deployment goes on with a broken answer, where that is safe."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from tests.support import replies
from tests.support.backends import (
    ROLE,
    backends,
    chunks,
    config,
    finish,
    groups,
    of,
    reached,
    streamed,
)
from tests.support.builders import DONE as DONE_EVENT
from tests.support.builders import LAST_CHUNK, chat_chunk, chunk, error_body, sse, usage
from tests.support.event_stream import DONE, EventStream, chat_stream, text_of
from tests.support.gateway_process import SECRET
from tests.support.gateway_rig import GatewayRig
from tests.support.raw_client import raw_client, request
from tests.support.replies import Gate, Reply, Reset, Stall, Step, Wait

END = finish() + chunk(sse(chat_chunk(None, usage=usage(20, 5)))) + chunk(DONE_EVENT) + LAST_CHUNK
MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi", "name": "Ada"}]


def configuration(url: str) -> dict[str, Any]:
    routes: dict[str, Any] = {
        "go-on": {"groups": groups("one", "two", "three"), "stream_failure": "continue"},
        "pair": {"groups": groups("one", "two"), "stream_failure": "continue"},
        "alone": {"groups": groups("one"), "stream_failure": "continue"},
        "fails": {"groups": groups("one", "two")},
        "hedged": {
            "groups": groups("one", "two", "three"),
            "stream_failure": "continue",
            "hedge": {"after": "100ms"},
        },
    }
    providers = backends("one", "two", "three", timeouts={"between_chunks_s": 1})
    return config(url, providers, routes=routes)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayRig]:
    with GatewayRig(tmp_path_factory.mktemp("resume"), configuration) as rig:
        yield rig


@pytest.fixture
def rig(shared: GatewayRig) -> Iterator[GatewayRig]:
    yield shared
    shared.check()
    assert shared.gateway.status()["in_flight"] == 0


class Break:
    """A stream that breaks when the client has its last piece of text."""

    def __init__(self, *pieces: str, how: Step | None = None) -> None:
        self._seen = Gate()
        self._last = pieces[-1]
        self.reply = streamed(ROLE, *pieces, Wait(self._seen), how or Reset())

    async def wait(self, answer: EventStream) -> None:
        """Read up to the last piece, then let it break."""
        while self._last not in (await answer.event() or ""):
            pass
        self._seen.open()


ERROR_EVENT = chunk(sse(error_body("The server had an error.", "server_error", "server_error"))) + LAST_CHUNK


@pytest.mark.parametrize(
    "how",
    [Reset(), replies.Send(LAST_CHUNK), replies.Send(ERROR_EVENT), Stall()],
    ids=["reset", "truncated", "error event", "stall"],
)
async def test_the_text_goes_on_from_the_next_deployment(rig: GatewayRig, how: Step) -> None:
    broken = Break("Once ", "upon", how=how)
    rig.provider.script(broken.reply, model="one")
    rig.provider.script(streamed(ROLE, " a ", "time", END), model="two")
    async with chat_stream(rig.url, "go-on", messages=MESSAGES, temperature=0.5) as answer:
        await broken.wait(answer)
        rest = await answer.chunks()
        line = await rig.line(answer.head.request_id)
    assert text_of(rest) == " a time"
    assert rest[-1] == DONE
    roles = answer.raw.count(b'"role":"assistant"')
    assert roles == 1, "SDKs would join a second `assistant` to the first"
    sent = of(rig.provider, "two")[0].json()
    assert sent["messages"][:2] == MESSAGES
    assert sent["messages"][2] == {"role": "assistant", "content": "Once upon"}
    assert sent["messages"][3]["role"] == "user"
    assert "cut off" in sent["messages"][3]["content"]
    assert len(sent["messages"]) == 4
    assert {k: v for k, v in sent.items() if k != "messages"} == {
        "model": "two",
        "stream": True,
        "temperature": 0.5,
        "stream_options": {"include_usage": True},
    }
    assert (line["finish"], line["fallbacks"], line.get("code", "")) == ("complete", 1, "")
    assert (line["provider"], line["estimated"]) == ("two", True)
    # What the second provider says, and beside it what the first is taken to have consumed.
    assert (line["input_tokens"], line["output_tokens"]) == (20 + 17, 5 + 2)
    assert [each["result"] for each in line["attempts"]][1] == "ok"


async def test_a_second_break_goes_on_with_the_whole_text(rig: GatewayRig) -> None:
    first, second = Break("Once "), Break("upon ")
    rig.provider.script(first.reply, model="one")
    rig.provider.script(second.reply, model="two")
    rig.provider.script(streamed(ROLE, "a time", END), model="three")
    async with chat_stream(rig.url, "go-on", messages=MESSAGES) as answer:
        await first.wait(answer)
        await second.wait(answer)
        assert text_of(await answer.chunks()) == "a time"
        line = await rig.line(answer.head.request_id)
    sent = of(rig.provider, "three")[0].json()["messages"]
    assert sent[2:3] == [{"role": "assistant", "content": "Once upon "}]
    assert len(sent) == 4
    assert [each["result"] for each in line["attempts"]] == ["reset_mid_body", "reset_mid_body", "ok"]


@pytest.mark.parametrize(
    "following", [replies.status_reply(503), replies.status_reply(400), Reply([Reset()])]
)
async def test_nobody_can_go_on(rig: GatewayRig, following: Reply) -> None:
    broken = Break("Once")
    rig.provider.script(broken.reply, model="one")
    rig.provider.script(following, model="two")
    async with chat_stream(rig.url, "pair") as answer:
        await broken.wait(answer)
        rest = await answer.chunks()
        line = await rig.line(answer.head.request_id)
    assert [chunk["error"]["code"] for chunk in rest] == ["upstream_error"]
    assert (line["finish"], line["code"]) == ("cut", "upstream_error")
    assert len(line["attempts"]) == 2


async def test_no_deployment_is_left(rig: GatewayRig) -> None:
    broken = Break("Once")
    rig.provider.script(broken.reply, model="one")
    async with chat_stream(rig.url, "alone") as answer:
        await broken.wait(answer)
        assert [chunk["error"]["code"] for chunk in await answer.chunks()] == ["upstream_error"]
    assert len(rig.provider.requests) == 1


async def test_off_by_default(rig: GatewayRig) -> None:
    broken = Break("Once")
    rig.provider.script(broken.reply, model="one")
    async with chat_stream(rig.url, "fails") as answer:
        await broken.wait(answer)
        assert [chunk["error"]["code"] for chunk in await answer.chunks()] == ["upstream_error"]
    assert of(rig.provider, "two") == []


TOOL = {
    "tool_calls": [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}}]
}


@pytest.mark.parametrize(
    "delta",
    [TOOL, {"reasoning_content": "hm"}, {"refusal": "no"}, {"audio": {"id": "a"}}, {"content": ["x"]}],
    ids=["tool calls", "reasoning", "refusal", "audio", "content that is no text"],
)
@pytest.mark.parametrize("after_text", [False, True])
async def test_what_is_not_plain_text_is_not_continued(
    rig: GatewayRig, delta: dict[str, Any], after_text: bool
) -> None:
    seen = Gate()
    text = ["text"] if after_text else []
    rig.provider.script(streamed(ROLE, *text, *chunks(delta), Wait(seen), Reset()), model="one")
    async with chat_stream(rig.url, "go-on") as answer:
        for _ in range(2 + after_text):
            await answer.event()
        seen.open()
        rest = await answer.chunks()
    assert rest[-1]["error"]["code"] == "upstream_error"
    assert of(rig.provider, "two") == []


async def test_parallel_answers_are_not_continued(rig: GatewayRig) -> None:
    broken = Break("Once")
    rig.provider.script(broken.reply, model="one")
    async with chat_stream(rig.url, "go-on", n=2) as answer:
        await broken.wait(answer)
        assert (await answer.chunks())[-1]["error"]["code"] == "upstream_error"
    assert of(rig.provider, "two") == []


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
async def test_structured_output_is_not_continued(rig: GatewayRig, kind: str) -> None:
    broken = Break("Once")
    rig.provider.script(broken.reply, model="one")
    async with chat_stream(rig.url, "go-on", response_format={"type": kind}) as answer:
        await broken.wait(answer)
        assert (await answer.chunks())[-1]["error"]["code"] == "upstream_error"
    assert of(rig.provider, "two") == []


async def test_other_endpoints_are_not_continued(rig: GatewayRig) -> None:
    piece = {"id": "c", "object": "text_completion", "created": 1, "model": "one"}
    piece["choices"] = [{"index": 0, "text": "Once", "logprobs": None, "finish_reason": None}]
    seen = Gate()
    rig.provider.script(streamed(chunk(sse(piece)), Wait(seen), Reset()), model="one")
    async with raw_client(rig.url) as client:
        body = b'{"model":"go-on","prompt":"Hi","stream":true}'
        await client.send(request(body, path="/v1/completions"))
        answer = await EventStream.of(client)
        assert "Once" in (await answer.event() or "")
        seen.open()
        assert (await answer.chunks())[-1]["error"]["code"] == "upstream_error"
    assert of(rig.provider, "two") == []


async def test_a_finished_answer_is_not_continued(rig: GatewayRig) -> None:
    """It broke between the finish reason and [DONE]: nothing is missing."""
    seen = Gate()
    rig.provider.script(streamed(ROLE, "Once", finish(), Wait(seen), Reset()), model="one")
    async with chat_stream(rig.url, "go-on") as answer:
        while '"stop"' not in (await answer.event() or ""):
            pass
        seen.open()
        assert await answer.rest() == [DONE]
    assert of(rig.provider, "two") == []


async def test_the_usage_of_all_attempts_is_counted(rig: GatewayRig) -> None:
    """Where a vendor reports usage as it goes, what the broken attempt took is not forgotten."""
    early = chunk(sse(chat_chunk({"content": "Once"}, usage=usage(10, 2))))
    seen = Gate()
    rig.provider.script(streamed(ROLE, early, Wait(seen), Reset()), model="one")
    rig.provider.script(streamed(ROLE, " more", END), model="two")
    async with chat_stream(rig.url, "go-on") as answer:
        while "Once" not in (await answer.event() or ""):
            pass
        seen.open()
        await answer.rest()
        line = await rig.line(answer.head.request_id)
    assert (line["input_tokens"], line["output_tokens"]) == (30, 7)


async def test_the_client_leaves_between_two_attempts(rig: GatewayRig) -> None:
    broken = Break("Once")
    rig.provider.script(broken.reply, model="one")
    rig.provider.script(replies.stall_before_headers(), model="two")
    async with chat_stream(rig.url, "go-on") as answer:
        await broken.wait(answer)
        second = await reached(rig.provider, "two")
    await rig.upstream_closed(second.connection)
    line = await rig.line(answer.head.request_id)
    assert (line["finish"], line["client"]) == ("cancelled", "disconnected")
    assert of(rig.provider, "three") == []


async def test_a_continuation_may_be_hedged(rig: GatewayRig) -> None:
    broken = Break("Once")
    rig.provider.script(broken.reply, model="one")
    rig.provider.script(replies.stall_before_headers(), model="two")
    rig.provider.script(streamed(ROLE, " more", END), model="three")
    async with chat_stream(rig.url, "hedged") as answer:
        await broken.wait(answer)
        assert text_of(await answer.chunks()) == " more"
        line = await rig.line(answer.head.request_id)
    assert [each["result"] for each in line["attempts"]] == ["reset_mid_body", "cancelled", "ok"]
    assert line["hedges"] == 1


async def test_an_sdk_sees_one_answer(rig: GatewayRig) -> None:
    """openai-python's accumulator joins the pieces of both attempts to one valid message."""
    rig.provider.script(replies.stream_then(["Once "], replies.Sleep(0.1), Reset()), model="one")
    rig.provider.script(streamed(ROLE, "upon", END), model="two")
    async with (
        openai.AsyncOpenAI(
            api_key=SECRET,
            base_url=f"{rig.url}/v1",
            max_retries=0,
            _strict_response_validation=True,
        ) as client,
        client.chat.completions.stream(model="go-on", messages=[{"role": "user", "content": "Hi"}]) as events,
    ):
        completion = await events.get_final_completion()
    assert completion.choices[0].message.content == "Once upon"
    assert completion.choices[0].message.role == "assistant"
    assert completion.choices[0].finish_reason == "stop"
