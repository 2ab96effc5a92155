"""What a translated call holds on to, and what may be passed on in it."""

import gc
from typing import Any

import msgspec
import pytest
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET
from tests.support.replies import Stall
from tests.support.till import Till
from tests.support.upstream_calls import until
from tests.support.upstreams.bedrock import ConverseUpstream
from tests.support.upstreams.messages import MessagesUpstream
from tests.support.upstreams.script import Say, answer, events
from tests.unit.pipeline.conftest import Open

from fastgate.domain.conversation import Message

_PROMPT = "the prompt of an open stream"
_ANTHROPIC = {"gpt": {"dialect": "anthropic"}}


async def test_an_open_stream_does_not_hold_the_conversation(opened: Open, provider: FakeProvider) -> None:
    upstream = MessagesUpstream()
    stream = upstream.stream(Say(text="Hello there"))
    begun = next(index for index, event in enumerate(stream) if b"Hello" in event) + 1
    provider.script(events(upstream, stream[:begun], Stall()))
    async with opened(providers=_ANTHROPIC) as till:
        talk, task = till.begin(stream=True, messages=[{"role": "user", "content": _PROMPT}])
        await until(lambda: any(b"Hello" in each.get("body", b"") for each in talk.sent))
        gc.collect()
        kept = [each for each in gc.get_objects() if isinstance(each, Message)]
        assert [each for each in kept if _PROMPT in repr(each)] == []
        talk.left.set()
        await task


async def sent(till: Till, provider: FakeProvider, body: dict[str, Any], compat: bytes = b"pass") -> Any:
    """Upstream, for a body of the Messages API, with what is unknown passed on."""
    provider.script(answer(MessagesUpstream(), Say(text="x"), stream=False))
    headers = ((b"x-fastgate-compat", compat),)
    talk, task = till._begin(msgspec.json.encode(body), SECRET, "/v1/chat/completions", headers)
    await task
    return talk, [request.json() for request in provider.requests]


async def test_nothing_that_is_passed_on_goes_around_a_hold(opened: Open, provider: FakeProvider) -> None:
    body = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}
    unknown = {"best_of": 9, "max_output_tokens": 9, "num_predict": 9, "inference_geo": "eu"}
    async with opened(providers=_ANTHROPIC) as till:
        talk, (written,) = await sent(till, provider, body | unknown)
    assert talk.headers[b"x-fastgate-dropped"] == b"best_of, max_output_tokens, num_predict"
    assert (written["max_tokens"], written["inference_geo"]) == (5, "eu")
    assert not written.keys() & {"best_of", "max_output_tokens", "num_predict"}


async def test_an_option_does_not_choose_another_model(opened: Open, provider: FakeProvider) -> None:
    body = {"model": "gpt", "messages": [], "provider_options": {"anthropic": {"model": "claude-opus"}}}
    async with opened(providers=_ANTHROPIC) as till:
        talk, requests = await sent(till, provider, body)
    assert (talk.status, requests) == (400, [])
    assert b"provider_options" in talk.answer


_DEEP: Any = {
    "model": "gpt",
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "Hi", "unheardof": 1}], "unheardof": 2},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "unheardof": 3}}],
}


@pytest.mark.parametrize("compat", [b"drop", b"pass"])
async def test_what_stands_deep_down_is_named_as_it_was_written(
    opened: Open, provider: FakeProvider, compat: bytes
) -> None:
    async with opened(providers=_ANTHROPIC) as till:
        talk, (written,) = await sent(till, provider, _DEEP, compat)
    named = (b"messages[1].content[0].unheardof", b"messages[1].unheardof", b"tools[0].function.unheardof")
    assert talk.headers[b"x-fastgate-dropped"] == b", ".join(named)
    assert "unheardof" not in str(written)


async def test_strict_refuses_what_stands_deep_down(opened: Open, provider: FakeProvider) -> None:
    async with opened(providers=_ANTHROPIC) as till:
        talk, requests = await sent(till, provider, _DEEP, b"strict")
    assert (talk.status, requests) == (400, [])
    error = msgspec.json.decode(talk.answer)["error"]
    assert (error["code"], error["param"]) == ("unsupported_field", "messages[1].content[0].unheardof")
    assert talk.headers[b"x-fastgate-attempts"].endswith(b"=unsupported_field")


@pytest.mark.parametrize(
    ("model", "upstream", "named"),
    [
        ("anthropic.claude-sonnet-4-6", MessagesUpstream(), [b"claude-code-20250219"]),
        (
            "amazon.nova-pro-v1:0",
            ConverseUpstream(),
            [b"claude-code-20250219", b"interleaved-thinking-2025-05-14"],
        ),
    ],
)
async def test_betas_that_bedrock_is_not_told_are_named(
    opened: Open, provider: FakeProvider, model: str, upstream: Any, named: list[bytes]
) -> None:
    provider.script(answer(upstream, Say(text="x"), stream=False))
    settings = {
        "dialect": "bedrock",
        "region": "us-east-1",
        "deployments": [{"model": "gpt", "upstream_model": model}],
        "models": [],
    }
    body = {"model": "gpt", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    betas = (b"anthropic-beta", b"claude-code-20250219,interleaved-thinking-2025-05-14")
    async with opened(providers={"gpt": settings}) as till:
        for compat, status in ((b"drop", 200), (b"strict", 400)):
            headers = (betas, (b"x-fastgate-compat", compat))
            talk, task = till._begin(msgspec.json.encode(body), SECRET, "/v1/messages", headers)
            await task
            assert talk.status == status
            if status == 200:
                dropped = b", ".join(b"anthropic-beta: " + name for name in named)
                assert talk.headers[b"x-fastgate-dropped"] == dropped
            else:
                assert b"anthropic-beta: claude-code-20250219" in talk.answer
