"""What a translated call holds on to, and what may be passed on in it."""

import gc
from typing import Any

import msgspec
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET
from tests.support.replies import Stall
from tests.support.till import Till
from tests.support.upstream_calls import until
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


async def sent(till: Till, provider: FakeProvider, body: dict[str, Any]) -> Any:
    """Upstream, for a body of the Messages API, with what is unknown passed on."""
    provider.script(answer(MessagesUpstream(), Say(text="x"), stream=False))
    headers = ((b"x-fastgate-compat", b"pass"),)
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
