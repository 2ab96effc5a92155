"""What calls cost, translated and passed through: each provider's own usage up to the ledger entry, where the
cost is what the price list says by hand."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest
from tests.integration.conftest import OpenRig
from tests.support.backends import config
from tests.support.builders import response
from tests.support.dialect_rig import Rig, known, named, vendor, vendors_config
from tests.support.dialects.client import Client
from tests.support.dialects.registry import CLIENTS
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET
from tests.support.replies import Gate, Wait, reply
from tests.support.till import price
from tests.support.upstreams.bedrock import ClaudeConverseUpstream, InvokeUpstream
from tests.support.upstreams.chat import ChatUpstream
from tests.support.upstreams.gemini import GeminiUpstream
from tests.support.upstreams.messages import MessagesUpstream
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import JSON, Say, Upstream, answer, begun, events

from fastgate.domain.entry import Entry
from fastgate.domain.usage import Usage
from fastgate.providers import token_count

TEXT = "The quick brown fox jumps over the lazy dog."


class OpenAI(ChatUpstream):
    name, model = "openai", "gpt-4o"

    def __init__(self, tier: str | None = None) -> None:
        self._tier = tier

    def whole(self, say: Say) -> JSON:
        return {**super().whole(say), "service_tier": self._tier}

    def _chunk(self, choices: list[JSON]) -> JSON:
        return {**super()._chunk(choices), "service_tier": self._tier}


class Anthropic(MessagesUpstream):
    name = "anthropic"


class Haiku(Anthropic):
    model = "claude-haiku-5-5"


class Bedrock(ClaudeConverseUpstream):
    name = "bedrock"


class BedrockInvoke(InvokeUpstream):
    name = "bedrock"


class Gemini(GeminiUpstream):
    name, model = "gemini", "gemini-2.5-pro"

    def __init__(self, queries: int = 0) -> None:
        self._queries = queries

    def _answer(self, parts: list[JSON], usage: JSON | None, reason: str | None) -> JSON:
        said = super()._answer(parts, usage, reason)
        if reason and self._queries:
            queries = [f"query {number}" for number in range(self._queries)]
            said["candidates"][0]["groundingMetadata"] = {"webSearchQueries": queries}
        return said


SEARCH = 10_000_000
"""Nano-USD: $10 a thousand; at Google $35."""
CACHES: JSON = {
    "input_tokens": 1_000,
    "cache_read_input_tokens": 2_000,
    "cache_creation_input_tokens": 300,
    "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
    "output_tokens": 500,
    "output_tokens_details": {"thinking_tokens": 80},
}
CONVERSE_CACHES: JSON = {
    "inputTokens": 1_000,
    "outputTokens": 500,
    "totalTokens": 3_800,
    "cacheReadInputTokens": 2_000,
    "cacheWriteInputTokens": 300,
    "cacheDetails": [{"ttl": "5m", "inputTokens": 100}, {"ttl": "1h", "inputTokens": 200}],
}
CHAT_USAGE: JSON = {
    "prompt_tokens": 1_000,
    "completion_tokens": 200,
    "total_tokens": 1_200,
    "prompt_tokens_details": {"cached_tokens": 400},
    "completion_tokens_details": {"reasoning_tokens": 50},
}
GEMINI_USAGE: JSON = {
    "promptTokenCount": 1_000,
    "cachedContentTokenCount": 400,
    "toolUsePromptTokenCount": 100,
    "candidatesTokenCount": 50,
    "thoughtsTokenCount": 150,
    "totalTokenCount": 1_300,
}

CASES: dict[str, tuple[Upstream, JSON, int]] = {
    "cached input": (OpenAI(), CHAT_USAGE, 600 * 2_500 + 400 * 1_250 + 200 * 10_000),
    "priority tier": (OpenAI("priority"), CHAT_USAGE, 600 * 4_250 + 400 * 2_125 + 200 * 17_000),
    "caches for 5 minutes and for an hour": (
        Anthropic(),
        CACHES,
        1_000 * 3_000 + 2_000 * 300 + 100 * 3_750 + 200 * 6_000 + 500 * 15_000,
    ),
    "web searches": (
        Anthropic(),
        {"input_tokens": 10, "output_tokens": 3, "server_tool_use": {"web_search_requests": 2}},
        10 * 3_000 + 3 * 15_000 + 2 * SEARCH,
    ),
    "a long context": (
        Haiku(),
        {"input_tokens": 150_000, "cache_read_input_tokens": 60_000, "output_tokens": 100},
        150_000 * 500 + 60_000 * 50 + 100 * 2_500,
    ),
    "Bedrock's caches": (
        Bedrock(),
        CONVERSE_CACHES,
        1_000 * 3_300 + 2_000 * 330 + 100 * 4_125 + 200 * 6_600 + 500 * 16_500,
    ),
    "Bedrock's caches by InvokeModel": (
        BedrockInvoke(),
        CACHES,
        1_000 * 3_300 + 2_000 * 330 + 100 * 4_125 + 200 * 6_600 + 500 * 16_500,
    ),
    "thoughts and what tools found": (
        Gemini(),
        GEMINI_USAGE,
        700 * 1_250 + 400 * 125 + 200 * 10_000,
    ),
    "Gemini's long context": (
        Gemini(),
        {"promptTokenCount": 250_000, "candidatesTokenCount": 100, "totalTokenCount": 250_100},
        250_000 * 2_500 + 100 * 15_000,
    ),
    "searches of Google, billed once": (
        Gemini(queries=3),
        {"promptTokenCount": 10, "candidatesTokenCount": 3, "totalTokenCount": 13},
        10 * 1_250 + 3 * 10_000 + 35_000_000,
    ),
}


Opened = Callable[..., AbstractAsyncContextManager[Rig]]


@pytest.fixture
def opened(provider: FakeProvider, open_rig: OpenRig) -> Opened:
    """The known vendors, at their list prices."""

    def open_it(*, providers: JSON | None = None, **more: Any) -> AbstractAsyncContextManager[Rig]:
        each = (OpenAI(), Anthropic(), Bedrock(), Gemini())
        located = {upstream.name: known(upstream, provider.url) for upstream in each}
        located["openai"]["endpoints"] = ["chat", "embeddings"]
        key = {"id": "vk_test", "secret": SECRET}
        sections: JSON = {"virtual_keys": [key], "logging": {"requests": False}, **more}
        return open_rig(config(provider.url, located | (providers or {}), **sections))

    return open_it


def reaches(client: Client, upstream: Upstream) -> bool:
    """Clients of Claude's own format are taken to InvokeModel at Bedrock, the others to Converse; for one of
    InvokeModel the other models have formats of their own."""
    if upstream.dialect != "bedrock":
        return True
    if upstream.name == "up_converse":
        return client.name != "invoke"
    return isinstance(upstream, InvokeUpstream) is (client.name in ("messages", "invoke"))


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_the_cost_is_what_the_price_list_says(stream: bool, opened: Opened) -> None:
    async with opened() as rig:
        for case, (upstream, usage, cost) in CASES.items():
            for client in CLIENTS.values():
                if not reaches(client, upstream):
                    continue
                entry = await _entry(rig, client, upstream, Say(TEXT, usage=usage), stream=stream)
                where = (case, client.name)
                assert not entry.closing.estimated, where
                assert entry.closing.cost == cost, (where, entry.closing.usage)


async def _entry(rig: Rig, client: Client, upstream: Upstream, say: Say, *, stream: bool) -> Entry:
    """Of one call that ends well."""
    rig.script(upstream, answer(upstream, say, stream=stream))
    before = len(rig.till.plane.journaled())
    model = named(upstream)
    _, got = await rig.ask(client, model, client.body(model, client.ask("Hi"), stream=stream), stream=stream)
    assert got.text == say.text
    (entry,) = rig.till.plane.journaled()[before:]
    assert entry.closing.outcome.value == "complete"
    return entry


# --- Bedrock's other models, which only their own clients can speak to ------------------------------------

LLAMA = "meta.llama4-maverick-17b-instruct-v1:0"
METRICS = {"inputTokenCount": 11, "outputTokenCount": 7, "invocationLatency": 5, "firstByteLatency": 3}


class Llama(InvokeUpstream):
    name, model = "llama", LLAMA


async def test_what_bedrock_counts_beside_the_body(opened: Opened, provider: FakeProvider) -> None:
    llama, client = Llama(), CLIENTS["invoke"]
    more = {"providers": {"llama": vendor(llama, provider.url)}, "prices": [price("llama")]}
    counts = (("x-amzn-bedrock-input-token-count", "11"), ("x-amzn-bedrock-output-token-count", "7"))
    pieces: list[JSON] = [
        {"generation": "Hel"},
        {"generation": "lo", "amazon-bedrock-invocationMetrics": METRICS},
    ]
    async with opened(**more) as rig:
        for stream, answer_ in (
            (False, reply(response(200, {"generation": "Hello"}, counts))),
            (True, events(llama, [llama.chunked(piece) for piece in pieces])),
        ):
            rig.script(llama, answer_)
            body = {"prompt": "Hi", "max_gen_len": 50}
            talk = await rig.send(client, f"llama/{LLAMA}", body, stream=stream)
            assert talk.status == 200
            entry = rig.till.plane.journaled()[-1]
            assert (entry.closing.estimated, entry.closing.cost) == (False, 11 * 1_000 + 7 * 2_000), stream


# --- nothing is said --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_without_usage_the_text_is_counted(
    stream: bool, provider: FakeProvider, open_rig: OpenRig
) -> None:
    async with open_rig(vendors_config(provider.url)) as rig:
        for upstream in UPSTREAMS.values():
            for client in CLIENTS.values():
                if not reaches(client, upstream):
                    continue
                rig.script(upstream, answer(upstream, Say(TEXT, usage={}), stream=stream))
                before = len(rig.till.plane.journaled())
                model = named(upstream)
                body = client.body(model, client.ask("Hi"), stream=stream)
                await rig.ask(client, model, body, stream=stream)
                (entry,) = rig.till.plane.journaled()[before:]
                where = (upstream.name, client.name, entry.closing.usage)
                assert entry.closing.estimated, where
                assert entry.closing.usage.output_tokens == token_count.count(TEXT, upstream.model), where
                assert 0 < entry.closing.usage.input_tokens < 40, where


# --- the client leaves ------------------------------------------------------------------------------------


async def test_a_client_that_leaves_pays_for_what_came(provider: FakeProvider, open_rig: OpenRig) -> None:
    """Anthropic and Gemini have told of the input by then, the others nothing."""
    async with open_rig(vendors_config(provider.url)) as rig:
        for upstream in UPSTREAMS.values():
            for client in CLIENTS.values():
                if not reaches(client, upstream):
                    continue
                seen = Gate()
                rig.script(upstream, events(upstream, begun(upstream, Say(TEXT * 40)), Wait(seen)))
                before = len(rig.till.plane.journaled())
                model = named(upstream)
                talk, task = rig.begin(
                    client, model, client.body(model, client.ask("Hi"), stream=True), stream=True
                )
                await rig.until_more_than(talk, len(TEXT) * 20)
                talk.left.set()
                await task
                seen.open()
                (entry,) = rig.till.plane.journaled()[before:]
                where = (upstream.name, client.name, entry.closing)
                assert entry.closing.outcome.value == "cancelled", where
                assert entry.closing.estimated, where
                half = token_count.count(TEXT * 20, upstream.model)
                assert half <= entry.closing.usage.output_tokens <= half + 1, where
                told = isinstance(upstream, MessagesUpstream | GeminiUpstream)
                assert (entry.closing.usage.input_tokens == 10) is told, where


# --- what is free, and what is held ------------------------------------------------------------------------


async def test_counting_tokens_is_free(opened: Opened) -> None:
    body = {"model": "", "messages": [{"role": "user", "content": "Hi"}]}
    contents = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    async with opened(gateway={"budget": {"max_per_year_usd": "0.000001"}}) as rig:
        rig.script(Anthropic(), reply(response(200, {"input_tokens": 8})))
        rig.script(Gemini(), reply(response(200, {"totalTokens": 8})))
        for model in ("claude-sonnet-4-6", "gpt-4o"):
            talk = await rig.till.send(
                msgspec.json.encode(body | {"model": model}), "/v1/messages/count_tokens"
            )
            assert talk.status == 200, talk.answer
            assert msgspec.json.decode(talk.answer)["input_tokens"] > 0
        for model in ("gemini-2.5-pro", "gpt-4o"):
            talk = await rig.till.send(msgspec.json.encode(contents), f"/v1beta/models/{model}:countTokens")
            assert talk.status == 200, talk.answer
            assert msgspec.json.decode(talk.answer)["totalTokens"] > 0
        assert rig.till.plane.journaled() == []


CAPS: dict[str, JSON] = {
    "chat": {"max_completion_tokens": 1_000},
    "responses": {"max_output_tokens": 1_000},
    "messages": {"max_tokens": 1_000},
    "invoke": {"max_tokens": 1_000},
    "converse": {"inferenceConfig": {"maxTokens": 1_000}},
    "gemini": {"generationConfig": {"maxOutputTokens": 1_000}},
}


async def test_what_may_be_written_is_held_in_every_format(provider: FakeProvider, open_rig: OpenRig) -> None:
    upstream = UPSTREAMS["up_chat"]
    async with open_rig(vendors_config(provider.url)) as rig:
        rig.script(upstream, answer(upstream, Say(TEXT), stream=False))
        for client in CLIENTS.values():
            model = named(upstream)
            body = client.body(model, client.ask("Hi", "A" * 4_000), stream=False) | CAPS[client.name]
            await rig.ask(client, model, body, stream=False)
            opening = rig.till.plane.journaled()[-1].opening
            assert 1_600 < opening.input_tokens < 1_800, client.name  # an image, and few bytes
            assert opening.held == opening.input_tokens * 1_000 + 1_000 * 2_000, client.name


# --- embeddings --------------------------------------------------------------------------------------------


class Titan(ChatUpstream):
    name, dialect, model, base_path = "titan", "bedrock", "amazon.titan-embed-text-v2:0", ""


class Cohere(ChatUpstream):
    name, dialect, model, base_path = "co", "cohere", "embed-v4.0", ""


class GeminiEmbed(ChatUpstream):
    name, dialect, model, base_path = "google", "gemini", "gemini-embedding-001", "/v1beta"


EMBEDDINGS: list[tuple[Upstream, JSON, int]] = [
    (Titan(), {"embedding": [0.5, 0.25], "inputTextTokenCount": 9}, 9),
    (
        Cohere(),
        {"id": "e", "embeddings": {"float": [[0.5, 0.25]]}, "meta": {"billed_units": {"input_tokens": 9}}},
        9,
    ),
    (GeminiEmbed(), {"embeddings": [{"values": [0.5, 0.25]}], "usageMetadata": {"promptTokenCount": 9}}, 9),
]


async def test_embeddings_cost_their_input(opened: Opened, provider: FakeProvider) -> None:
    providers = {each.name: vendor(each, provider.url) for each, _, _ in EMBEDDINGS}
    prices = [price(each.name) for each, _, _ in EMBEDDINGS]
    async with opened(providers=providers, prices=prices) as rig:
        for upstream, said, tokens in EMBEDDINGS:
            rig.script(upstream, reply(response(200, said)))
            body = {"model": named(upstream), "input": TEXT}
            talk = await rig.till.send(msgspec.json.encode(body), "/v1/embeddings")
            assert talk.status == 200, (upstream.name, talk.answer)
            entry = rig.till.plane.journaled()[-1]
            assert entry.closing.usage == Usage(input_tokens=tokens), upstream.name
            assert (entry.closing.estimated, entry.closing.cost) == (False, tokens * 1_000)
            assert entry.opening.held < 100 * 1_000, "no output is held"
