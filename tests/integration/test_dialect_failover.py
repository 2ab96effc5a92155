"""Failover over providers of different formats: the client gets one valid answer of the one that answered."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
import yaml
from tests.integration.conftest import OpenRig
from tests.support import replies
from tests.support.backends import config
from tests.support.builders import response
from tests.support.configs import TEAM_BLOCK
from tests.support.dialect_rig import Rig, known, vendor
from tests.support.dialects.client import Client, Got
from tests.support.dialects.registry import CLIENTS
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET
from tests.support.in_process import Conversation
from tests.support.replies import Gate, Reply, Reset, Wait
from tests.support.response_builders import created
from tests.support.upstream_calls import until
from tests.support.upstreams.bedrock import ClaudeConverseUpstream, InvokeUpstream
from tests.support.upstreams.chat import ChatUpstream
from tests.support.upstreams.gemini import GeminiUpstream
from tests.support.upstreams.messages import MessagesUpstream
from tests.support.upstreams.ollama import OllamaUpstream
from tests.support.upstreams.script import JSON, Say, Upstream, answer, events


class OpenAI(ChatUpstream):
    name, model = "openai", "gpt-4o"


class Anthropic(MessagesUpstream):
    name = "anthropic"


class Bedrock(ClaudeConverseUpstream):
    name = "bedrock"


class BedrockInvoke(InvokeUpstream):
    name = "bedrock"


class Gemini(GeminiUpstream):
    name, model = "gemini", "gemini-2.5-pro"


class Ollama(OllamaUpstream):
    name = "ollama"


OPENAI, ANTHROPIC, BEDROCK, INVOKE = OpenAI(), Anthropic(), Bedrock(), BedrockInvoke()
GEMINI, OLLAMA = Gemini(), Ollama()
DEPLOYMENTS = {
    "openai": "openai/gpt-4o",
    "anthropic": "anthropic/claude-sonnet-4-6",
    "bedrock": "bedrock/regional.anthropic.claude-sonnet-4-6-v1:0",
}
"""By provider; the last is what the price data calls the model."""
COSTS = {
    OPENAI: 10 * 2_500 + 3 * 10_000,
    ANTHROPIC: 10 * 3_000 + 3 * 15_000,
    BEDROCK: 10 * 3_300 + 3 * 16_500,
}
"""Nano-USD for 10 tokens in and 3 out, by the price lists of the three."""

SAY = Say("Hello from here")
CHAT = CLIENTS["chat"]
HOW = pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])


Opened = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
def opened(provider: FakeProvider, open_rig: OpenRig) -> Opened:
    """The configuration of the team as it stands, and nothing but its secret and where the providers are."""

    def open_it(
        *, key: JSON | None = None, providers: JSON | None = None, **more: Any
    ) -> AbstractAsyncContextManager[Rig]:
        settings = yaml.safe_load(TEAM_BLOCK)["virtual_keys"][0] | {"secret": SECRET} | (key or {})
        located = {each.name: known(each, provider.url) for each in (OPENAI, ANTHROPIC, BEDROCK)}
        sections: JSON = {"virtual_keys": [settings], "logging": {"requests": False}, **more}
        return open_rig(config(provider.url, located | (providers or {}), **sections))

    return open_it


def bedrock_for(client: Client) -> Upstream:
    return INVOKE if client.name in ("messages", "invoke") else BEDROCK


async def ask(
    rig: Rig, client: Client, model: str = "gpt-4o", *, stream: bool, headers: Any = (), **fields: Any
) -> tuple[Conversation, Got]:
    body = client.body(model, client.ask("Hi"), stream=stream) | fields
    return await rig.ask(client, model, body, stream=stream, headers=headers)


def limited(upstream: Upstream, *, stream: bool) -> Reply:
    return replies.status_reply(429, upstream.problem("slow down"))


def broken(upstream: Upstream, *, stream: bool) -> Reply:
    return replies.status_reply(500, upstream.problem("oh"))


def cut(upstream: Upstream, *, stream: bool) -> Reply:
    """A stream that has begun, and has said nothing yet; or half of a whole answer."""
    if stream:
        return events(upstream, upstream.stream(SAY)[:1], Reset())
    whole = response(200, upstream.whole(SAY))
    return replies.reply(whole[: len(whole) // 2], Reset())


FAULTS = ((limited, "rate_limited(429)"), (broken, "server_error(500)"), (cut, "reset_mid_body(200)"))
"""Each before the first content, with what is said of it."""


@HOW
@pytest.mark.parametrize("dialect", CLIENTS)
async def test_from_openai_over_anthropic_to_bedrock(
    dialect: str, stream: bool, opened: Opened, provider: FakeProvider
) -> None:
    client = CLIENTS[dialect]
    last = bedrock_for(client)
    async with opened() as rig:
        for failing in range(3):
            for fault, said in FAULTS:
                provider.reset()
                order = (OPENAI, ANTHROPIC, last)
                for upstream in order:
                    rig.script(upstream, answer(upstream, SAY, stream=stream))
                for upstream in order[:failing]:
                    rig.script(upstream, fault(upstream, stream=stream))
                if dialect == "responses":  # its own format at OpenAI
                    if not failing:
                        continue
                    if stream and fault is cut:
                        rig.script(OPENAI, events(OPENAI, created("resp_1"), Reset()))
                before = len(rig.till.plane.journaled())
                talk, got = await ask(rig, client, stream=stream)
                _check(talk, got, client, order[failing], stream=stream)
                tries = [f"{DEPLOYMENTS[each.name]}:main={said}" for each in order[:failing]]
                tries.append(f"{DEPLOYMENTS[order[failing].name]}:main=ok(200)")
                assert talk.headers[b"x-fastgate-attempts"].decode() == ", ".join(tries)
                entry = rig.till.plane.journaled()[before:][-1]
                parties = entry.opening.parties
                assert (parties.provider, parties.model) == (order[failing].name, order[failing].model)
                assert (entry.closing.cost, entry.closing.estimated) == (
                    COSTS[_priced(order[failing])],
                    False,
                )


def _priced(upstream: Upstream) -> Any:
    return BEDROCK if upstream is INVOKE else upstream


def _check(talk: Conversation, got: Got, client: Client, upstream: Upstream, *, stream: bool) -> None:
    assert got.text == SAY.text
    assert talk.complete
    assert got.finished or not stream
    assert talk.headers[b"x-fastgate-model"].decode() == upstream.model
    assert talk.headers[b"x-fastgate-provider"].decode() == upstream.name
    if client.name != "converse":  # it names no model
        assert got.model == upstream.model
    assert got.usage is not None
    counts = [value for value in got.usage.values() if isinstance(value, int)]
    assert {10, 3} <= set(counts)


async def test_auto_takes_the_keys_own_order(opened: Opened) -> None:
    async with opened() as rig:
        for upstream in (OPENAI, ANTHROPIC):
            rig.script(upstream, broken(upstream, stream=False))
        rig.script(BEDROCK, answer(BEDROCK, SAY, stream=False))
        talk, got = await ask(rig, CHAT, "auto", stream=False)
        assert (got.text, got.model) == (SAY.text, BEDROCK.model)
        assert talk.headers[b"x-fastgate-attempts"].count(b"=") == 3


@HOW
@pytest.mark.parametrize("dialect", CLIENTS)
async def test_all_are_exhausted(dialect: str, stream: bool, opened: Opened) -> None:
    """The most telling error, in the client's dialect."""
    client = CLIENTS[dialect]
    async with opened() as rig:
        for upstream in (OPENAI, ANTHROPIC, bedrock_for(client)):
            fault = limited if upstream is ANTHROPIC else broken
            rig.script(upstream, fault(upstream, stream=stream))
        body = client.body("gpt-4o", client.ask("Hi"), stream=stream)
        talk = await rig.send(client, "gpt-4o", body, stream=stream)
        assert talk.status == 429
        assert "rate limited" in client.problem(429, talk.answer)
        assert int(talk.headers[b"retry-after"]) >= 1
        assert rig.till.plane.journaled() == []


# --- what was asked for, and what is said of it ---------------------------------------------------------


async def test_a_retired_model_is_one_line_of_configuration(opened: Opened) -> None:
    async with opened(redirects={"gpt-3.5-turbo-0301": "anthropic/claude-sonnet-4-6"}) as rig:
        rig.script(ANTHROPIC, answer(ANTHROPIC, SAY, stream=False))
        for client in CLIENTS.values():
            talk, got = await ask(rig, client, "gpt-3.5-turbo-0301", stream=False)
            assert got.text == SAY.text
            assert b"gpt-3.5-turbo-0301" in talk.headers[b"x-fastgate-model-deprecated"]
        talk, _ = await ask(rig, CHAT, "claude-sonnet-4-6", stream=False)
        assert b"x-fastgate-model-deprecated" not in talk.headers


UNSAID: JSON = {"logit_bias": {"50256": -100}, "frequency_penalty": 0.5, "made_up": {"a": 1}}


async def test_what_is_dropped_is_named(opened: Opened) -> None:
    async with opened() as rig:
        rig.script(ANTHROPIC, answer(ANTHROPIC, SAY, stream=False))
        rig.script(OPENAI, answer(OPENAI, SAY, stream=False))
        talk, _ = await ask(rig, CHAT, "claude-sonnet-4-6", stream=False, **UNSAID)
        assert set(talk.headers[b"x-fastgate-dropped"].decode().split(", ")) == set(UNSAID)
        assert UNSAID.keys().isdisjoint(rig.asked(ANTHROPIC)[-1].json())
        talk, _ = await ask(rig, CHAT, stream=False, **UNSAID)
        assert b"x-fastgate-dropped" not in talk.headers
        assert UNSAID.items() <= rig.asked(OPENAI)[-1].json().items(), "its own format says it all"


async def test_strict_refuses_what_would_be_dropped(opened: Opened) -> None:
    strict = ((b"x-fastgate-compat", b"strict"),)
    async with opened() as rig:
        rig.script(ANTHROPIC, answer(ANTHROPIC, SAY, stream=False))
        body = CHAT.body("claude-sonnet-4-6", CHAT.ask("Hi"), stream=False)
        talk = await rig.send(CHAT, "", body | {"logit_bias": {"1": 1}}, stream=False, headers=strict)
        assert talk.status == 400
        assert "logit_bias" in CHAT.problem(400, talk.answer)
        assert rig.asked(ANTHROPIC) == []
        assert rig.till.plane.journaled() == []
        talk, _ = await ask(rig, CHAT, "claude-sonnet-4-6", stream=False, headers=strict)
        assert b"x-fastgate-dropped" not in talk.headers


async def test_pass_sends_on_what_nobody_knows(opened: Opened) -> None:
    passing = ((b"x-fastgate-compat", b"pass"),)
    async with opened() as rig:
        rig.script(ANTHROPIC, answer(ANTHROPIC, SAY, stream=False))
        talk, _ = await ask(rig, CHAT, "claude-sonnet-4-6", stream=False, headers=passing, **UNSAID)
        assert rig.asked(ANTHROPIC)[-1].json()["made_up"] == {"a": 1}
        assert b"made_up" not in talk.headers.get(b"x-fastgate-dropped", b"")


async def test_the_configuration_says_it_for_all(opened: Opened) -> None:
    async with opened(compat="strict") as rig:
        rig.script(ANTHROPIC, answer(ANTHROPIC, SAY, stream=False))
        body = CHAT.body("claude-sonnet-4-6", CHAT.ask("Hi"), stream=False) | {"logit_bias": {"1": 1}}
        assert (await rig.send(CHAT, "", body, stream=False)).status == 400
        dropping = ((b"x-fastgate-compat", b"drop"),)
        assert (await rig.send(CHAT, "", body, stream=False, headers=dropping)).status == 200
        wrong = ((b"x-fastgate-compat", b"sloppy"),)
        assert (await rig.send(CHAT, "", body, stream=False, headers=wrong)).status == 400


class Spare(ChatUpstream):
    name, model = "spare", "m"


SPARE = Spare()


async def test_strict_goes_on_to_who_can_be_told_all(opened: Opened, provider: FakeProvider) -> None:
    """OpenAI is away, Anthropic has no words for a field, and the next one has: it answers."""
    strict = ((b"x-fastgate-compat", b"strict"),)
    order = ((each.name, each.model) for each in (OPENAI, ANTHROPIC, SPARE))
    groups = [{"deployments": [{"provider": name, "model": model}]} for name, model in order]
    more = {"providers": {"spare": vendor(SPARE, provider.url)}, "unpriced": "allow"}
    key = {"allowed_providers": ["openai", "anthropic", "spare"]}
    async with opened(routes={"all": groups}, key=key, **more) as rig:
        rig.script(OPENAI, broken(OPENAI, stream=False))
        rig.script(SPARE, answer(SPARE, SAY, stream=False))
        talk, got = await ask(rig, CHAT, "all", stream=False, headers=strict, seed=7)
        assert (got.model, rig.asked(ANTHROPIC)) == (SPARE.model, [])
        tries = "openai/gpt-4o:main=server_error(500), anthropic/claude-sonnet-4-6:main=unsupported_field, "
        assert talk.headers[b"x-fastgate-attempts"].decode() == tries + "spare/m:main=ok(200)"
        (entry,) = rig.till.plane.journaled()
        assert entry.opening.parties.provider == "spare"


async def test_strict_tells_of_the_failure_that_may_pass(opened: Opened) -> None:
    """A client that hears of a field would not try again, though OpenAI will be back."""
    strict = ((b"x-fastgate-compat", b"strict"),)
    async with opened() as rig:
        rig.script(OPENAI, limited(OPENAI, stream=False))
        body = CHAT.body("gpt-4o", CHAT.ask("Hi"), stream=False) | {"seed": 7}
        talk = await rig.send(CHAT, "gpt-4o", body, stream=False, headers=strict)
        assert talk.status == 429
        assert [rig.asked(each) for each in (ANTHROPIC, BEDROCK)] == [[], []]


async def test_strict_in_a_hedge(opened: Opened) -> None:
    """The hedge cannot be told all, and the first one goes on."""
    strict = ((b"x-fastgate-compat", b"strict"),)
    routes = two(OPENAI, ANTHROPIC, hedge={"after": "20ms"})
    late = Gate()
    async with opened(**routes) as rig:
        rig.script(OPENAI, replies.Reply([Wait(late), *answer(OPENAI, SAY, stream=False).steps]))
        body = CHAT.body("both", CHAT.ask("Hi"), stream=False) | {"seed": 7}
        talk, task = rig.till.begin(headers=strict, **body)
        await until(lambda: len(rig.till.plane.data._services.exchanges) == 1 and _hedged(rig))
        late.open()
        await task
        assert (talk.status, rig.asked(ANTHROPIC)) == (200, [])


def _hedged(rig: Rig) -> bool:
    (exchange,) = rig.till.services.exchanges
    return len(exchange.attempts) == 2


# --- two at once, and one after the other ----------------------------------------------------------------


def two(first: Upstream, second: Upstream, **more: Any) -> JSON:
    groups = [{"deployments": [{"provider": each.name, "model": each.model}]} for each in (first, second)]
    return {"routes": {"both": {"groups": groups, **more}}}


@HOW
@pytest.mark.parametrize("dialect", CLIENTS)
async def test_a_hedge_in_another_format_wins(dialect: str, stream: bool, opened: Opened) -> None:
    client = CLIENTS[dialect]
    routes = two(OPENAI, ANTHROPIC, hedge={"after": "20ms"})
    async with opened(**routes) as rig:
        rig.script(OPENAI, replies.stall_before_headers())
        rig.script(ANTHROPIC, answer(ANTHROPIC, SAY, stream=stream))
        talk, got = await ask(rig, client, "both", stream=stream)
        _check(talk, got, client, ANTHROPIC, stream=stream)
        outcomes = {
            entry.opening.parties.provider: entry.closing.outcome.value
            for entry in rig.till.plane.journaled()
        }
        assert outcomes == {"openai": "hedge_lost", "anthropic": "complete"}


@pytest.mark.parametrize("next_", [ANTHROPIC, BEDROCK, GEMINI], ids=lambda upstream: upstream.name)
async def test_a_broken_stream_goes_on_at_another_vendor(
    next_: Upstream, opened: Opened, provider: FakeProvider
) -> None:
    routes = two(OPENAI, next_, stream_failure="continue")
    seen = Gate()
    first = OPENAI.stream(Say("Once upon a time there"))[:2]
    more: JSON = {"providers": {"gemini": known(GEMINI, provider.url)}, "key": {"allowed_providers": None}}
    async with opened(**routes, **more) as rig:
        rig.script(OPENAI, events(OPENAI, first, Wait(seen), Reset()))
        rig.script(next_, answer(next_, Say(" there was an end."), stream=True))
        talk, task = rig.till.begin(**CHAT.body("both", CHAT.ask("Tell me"), stream=True))
        await rig.until_sent(talk, b"Once upon a")
        seen.open()
        await task
        got = CHAT.streamed(talk.answer)
        assert (got.text, got.finish, got.finished) == ("Once upon a there was an end.", "stop", True)
        assert talk.answer.count(b'"role"') == 1, "the answer goes on, it does not begin again"
        told = next_.heard(rig.asked(next_)[-1].json())
        assert [(part.role, part.text) for part in told][:2] == [
            ("user", "Tell me"),
            ("assistant", "Once upon a"),
        ]
        assert [entry.closing.outcome.value for entry in rig.till.plane.journaled()] == ["cut", "complete"]


# --- strict budgets --------------------------------------------------------------------------------------

BUDGET = {"max_per_year_usd": 1, "strict": True}


async def test_a_strict_budget_caps_the_output(opened: Opened, provider: FakeProvider) -> None:
    """Also where the field is nested, in the client's own format and in the provider's."""
    more: JSON = {"gemini": known(GEMINI, provider.url), "ollama": vendor(OLLAMA, provider.url)}
    prices = [{"provider": "ollama", "model": "*", "input_per_mtok_usd": 1, "output_per_mtok_usd": 2}]
    names = ["openai", "anthropic", "bedrock", "gemini", "ollama"]
    async with opened(
        providers=more, prices=prices, key={"budget": BUDGET, "allowed_providers": names}
    ) as rig:
        for client in CLIENTS.values():
            for upstream in (OPENAI, ANTHROPIC, bedrock_for(client), GEMINI, OLLAMA):
                if (client.name, upstream) == ("responses", OPENAI):
                    continue  # its own format there
                rig.script(upstream, answer(upstream, SAY, stream=False))
                model = f"{upstream.name}/{upstream.model}"
                body = client.body(model, client.ask("Hi"), stream=False)
                body.pop("max_tokens", None)
                for fields, expected in (({}, 4_096), *((each, 7) for each in CAPS[client.name])):
                    await rig.ask(client, model, body | fields, stream=False)
                    sent = rig.asked(upstream)[-1].json()
                    assert upstream.cap(sent) == expected, (client.name, upstream.name, fields, sent)


CAPS: dict[str, list[JSON]] = {
    "chat": [{"max_tokens": 7}, {"max_completion_tokens": 7}],
    "responses": [{"max_output_tokens": 7}],
    "messages": [{"max_tokens": 7}],
    "invoke": [{"max_tokens": 7}],
    "converse": [{"inferenceConfig": {"maxTokens": 7, "temperature": 0.5}}],
    "gemini": [
        {"generationConfig": {"maxOutputTokens": 7, "temperature": 0.5}},
        {"generation_config": {"max_output_tokens": 7}},
    ],
}
"""What a client caps itself stays."""
