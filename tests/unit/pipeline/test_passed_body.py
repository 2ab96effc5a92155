"""What is changed in a body that passes through."""

from typing import Any

import msgspec
import pytest
from tests.support.fake_provider import FakeProvider
from tests.support.till import price, yearly
from tests.support.upstreams.messages import MessagesUpstream
from tests.support.upstreams.script import Say, answer
from tests.unit.pipeline.conftest import Open

_VERTEX = "/v1/projects/p/locations/l/publishers/anthropic/models/gpt"
_STRICT = {"budget": yearly("10", strict=True), "allowed_providers": ["gpt"]}


@pytest.mark.parametrize("dialect", ["anthropic", "vertex"])
@pytest.mark.parametrize("said", [{}, {"stream": True}, {"stream": False}])
@pytest.mark.parametrize(("verb", "streams"), [("rawPredict", False), ("streamRawPredict", True)])
async def test_whether_it_streams_is_said_by_the_path(
    opened: Open, provider: FakeProvider, *, dialect: str, said: Any, verb: str, streams: bool
) -> None:
    """A stream that nobody waits for would count against the provider."""
    provider.script(answer(MessagesUpstream(), Say(text="Hello"), stream=streams))
    deployment = [{"model": "gpt", "upstream_model": "claude-x"}]
    settings = {"dialect": dialect, "deployments": deployment, "models": []}
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, **said}
    async with opened(providers={"gpt": settings}) as till:
        talk = await till.send(msgspec.json.encode(body), f"{_VERTEX}:{verb}")
    assert talk.status == 200, talk.answer
    (request,) = provider.requests
    assert request.json()["stream"] is streams


@pytest.mark.parametrize(
    ("path", "model", "said", "written"),
    [
        ("converse", "amazon.nova-pro-v1:0", {}, {"inferenceConfig": {"maxTokens": 40}}),
        (
            "converse",
            "amazon.nova-pro-v1:0",
            {"additionalModelRequestFields": {"max_tokens": 9}},
            {"additionalModelRequestFields": {"max_tokens": 9}},
        ),
        ("invoke", "anthropic.claude-x", {}, {"max_tokens": 40}),
        ("invoke", "meta.llama3-70b-instruct-v1:0", {}, {"max_gen_len": 40}),
        ("invoke", "meta.llama3-70b-instruct-v1:0", {"max_gen_len": 9}, {"max_gen_len": 9}),
        ("invoke", "amazon.titan-text-express-v1", {}, {"textGenerationConfig": {"maxTokenCount": 40}}),
    ],
)
async def test_a_strict_budgets_cap_stands_where_the_model_has_it(
    opened: Open, provider: FakeProvider, *, path: str, model: str, said: Any, written: Any
) -> None:
    deployment = [{"model": "gpt", "upstream_model": model}]
    settings = {"dialect": "bedrock", "region": "us-east-1", "deployments": deployment, "models": []}
    budgets = {"default_output_hold_tokens": 40}
    async with opened(
        providers={"gpt": settings}, key=_STRICT, budgets=budgets, prices=[price("gpt")]
    ) as till:
        await till.send(msgspec.json.encode(said), f"/model/gpt/{path}")
    (request,) = provider.requests
    assert request.json() == written


async def test_a_cap_that_only_bedrocks_models_know_holds_elsewhere_too(
    opened: Open, provider: FakeProvider
) -> None:
    body = {"messages": [], "additionalModelRequestFields": {"max_tokens": 9}}
    async with opened(providers={"gpt": {"dialect": "anthropic"}}, key=_STRICT) as till:
        await till.send(msgspec.json.encode(body), "/model/gpt/converse")
    (request,) = provider.requests
    assert request.json()["max_tokens"] == 9


async def test_options_for_a_provider_reach_it_where_a_body_passes_through_too(
    opened: Open, provider: FakeProvider
) -> None:
    options = {"gpt": {"a": 1}, "openai": {"a": 0, "b": {"c": 2}}, "anthropic": {"a": 3}}
    async with opened() as till:
        await till.ask(b={"d": 4}, provider_options=options)
        await till.ask(provider_options=None, b=5)
        refused = await till.ask(provider_options={"gpt": {"model": "dear"}})
    first, second = (request.json() for request in provider.requests)
    assert (first["a"], first["b"], "provider_options" in first) == (1, {"d": 4, "c": 2}, False)
    assert second["b"] == 5
    assert refused.status == 400


async def test_no_model_asks_another_one(opened: Open, provider: FakeProvider) -> None:
    advisor = {"type": "advisor_20260301", "name": "advisor", "model": "claude-dear"}
    body = {"model": "gpt", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    async with opened(providers={"gpt": {"dialect": "anthropic"}}) as till:
        direct = await till.send(msgspec.json.encode({**body, "tools": [advisor]}), "/v1/messages")
        options = {"anthropic": {"tools": [advisor]}}
        beside = await till.ask(provider_options=options)
    assert (direct.status, beside.status, provider.requests) == (400, 400, [])
