"""What is lost beside the members of a request's body and the parts of an answer: in headers, in bodies that
pass through, and beside an answer's content."""

from typing import Any

import msgspec
import pytest
from tests.integration.conftest import OpenRig
from tests.support.backends import config
from tests.support.builders import JSON_TYPE, response
from tests.support.dialect_rig import Rig, named, vendor, vendors_config
from tests.support.dialects.registry import CLIENTS
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET
from tests.support.replies import reply
from tests.support.till import price
from tests.support.upstreams.chat import ChatUpstream
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import Say, Upstream, answer, events

SAY = Say("Hello from here")
DROPPED = b"x-fastgate-dropped"
BETAS = (b"anthropic-beta", b"context-1m-2025-08-07, files-api-2025-04-14")
NAMED = ["anthropic-beta: context-1m-2025-08-07", "anthropic-beta: files-api-2025-04-14"]
STRICT = (b"x-fastgate-compat", b"strict")
TOLD = ("up_messages", "up_vertex_claude")
RATINGS = [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "LOW"}]

Headers = tuple[tuple[bytes, bytes], ...]


async def asked(
    rig: Rig, dialect: str, upstream: Upstream, *headers: tuple[bytes, bytes], **more: Any
) -> tuple[int, list[str], bytes]:
    """Status, what is named as dropped, and the answer."""
    client = CLIENTS[dialect]
    rig.script(upstream, answer(upstream, SAY, stream=False))
    body = client.body(named(upstream), client.ask("Hi"), stream=False) | more
    talk = await rig.send(client, named(upstream), body, stream=False, headers=headers)
    dropped = talk.headers.get(DROPPED)
    return talk.status, dropped.decode().split(", ") if dropped else [], talk.answer


@pytest.mark.parametrize(
    "name", [name for name in UPSTREAMS if name not in ("up_invoke", "up_claude_converse")]
)
async def test_betas_of_anthropic_at_each_vendor(
    name: str, provider: FakeProvider, open_rig: OpenRig
) -> None:
    """Bedrock's Claude, which is told some, has a test of its own."""
    upstream = UPSTREAMS[name]
    async with open_rig(vendors_config(provider.url)) as rig:
        status, dropped, _ = await asked(rig, "messages", upstream, BETAS)
        assert (status, dropped) == (200, [] if name in TOLD else NAMED)
        sent = rig.asked(upstream)[-1].header("anthropic-beta")
        assert sent == (BETAS[1].decode() if name in TOLD else None)
        status, _, body = await asked(rig, "messages", upstream, BETAS, STRICT)
        assert status == (200 if name in TOLD else 400)
        assert name in TOLD or NAMED[0] in CLIENTS["messages"].problem(status, body)


async def test_betas_beside_a_body_that_passes_through(provider: FakeProvider, open_rig: OpenRig) -> None:
    upstream = UPSTREAMS["up_chat"]
    async with open_rig(vendors_config(provider.url)) as rig:
        assert (await asked(rig, "chat", upstream, BETAS))[:2] == (200, NAMED)
        assert (await asked(rig, "chat", upstream))[:2] == (200, [])
        before = len(rig.asked(upstream))
        assert (await asked(rig, "chat", upstream, BETAS, STRICT))[0] == 400
        assert len(rig.asked(upstream)) == before


@pytest.mark.parametrize(
    ("members", "dropped"),
    [
        ({"serviceTier": "priority", "store": True}, ["serviceTier", "store"]),
        ({"service_tier": "FLEX"}, ["service_tier"]),
        ({"serviceTier": "STANDARD", "store": False, "model": "models/m"}, []),
    ],
)
async def test_members_that_vertex_has_not(
    members: dict[str, Any], dropped: list[str], provider: FakeProvider, open_rig: OpenRig
) -> None:
    upstream = UPSTREAMS["up_vertex_gemini"]
    async with open_rig(vendors_config(provider.url)) as rig:
        assert (await asked(rig, "gemini", upstream, **members))[:2] == (200, dropped)
        assert members.keys().isdisjoint(rig.asked(upstream)[-1].json())
        status, _, body = await asked(rig, "gemini", upstream, STRICT, **members)
        assert status == (400 if dropped else 200)
        assert not dropped or dropped[0] in CLIENTS["gemini"].problem(status, body)
        assert (await asked(rig, "gemini", UPSTREAMS["up_gemini"], STRICT, **members))[:2] == (200, [])


async def test_what_stands_beside_an_answer(provider: FakeProvider, open_rig: OpenRig) -> None:
    """Its own client is given it, any other is told what it is not given."""
    upstream = UPSTREAMS["up_gemini"]
    said = upstream.whole(SAY)
    said["candidates"][0]["safetyRatings"] = RATINGS
    rated = b"data: " + msgspec.json.encode({"candidates": [{"safetyRatings": RATINGS}]}) + b"\r\n\r\n"
    stream = upstream.stream(SAY)
    async with open_rig(vendors_config(provider.url)) as rig:
        for dialect in ("chat", "messages", "responses", "gemini"):
            client, own = CLIENTS[dialect], dialect == "gemini"
            rig.script(upstream, reply(response(200, msgspec.json.encode(said), (JSON_TYPE,))))
            body = client.body(named(upstream), client.ask("Hi"), stream=False)
            talk, got = await rig.ask(client, named(upstream), body, stream=False)
            assert got.text == SAY.text
            assert talk.headers.get(DROPPED) == (None if own else b"answer.safetyRatings")
            rig.script(upstream, events(upstream, [*stream[:-1], rated, rated, stream[-1]]))
            body = client.body(named(upstream), client.ask("Hi"), stream=True)
            talk, got = await rig.ask(client, named(upstream), body, stream=True)
            assert (got.text, got.finished) == (SAY.text, True)
            assert talk.answer.count(b": fastgate dropped=answer.safetyRatings\n\n") == (0 if own else 1)


class Embedder(ChatUpstream):
    name, dialect, model, base_path = "co", "cohere", "embed-v4.0", ""


async def test_what_stands_beside_vectors(provider: FakeProvider, open_rig: OpenRig) -> None:
    upstream = Embedder()
    meta = {"billed_units": {"input_tokens": 9}, "warnings": ["texts were truncated"]}
    said = {"id": "e", "embeddings": {"float": [[0.5]]}, "meta": meta}
    key = {"id": "vk_test", "secret": SECRET}
    providers = {upstream.name: vendor(upstream, provider.url)}
    settings = config(provider.url, providers, prices=[price(upstream.name)], virtual_keys=[key])
    asks: dict[str, tuple[dict[str, Any], bytes | None]] = {
        "/v1/embeddings": ({"input": "Hi"}, b"answer.warnings"),
        "/v2/embed": ({"texts": ["Hi"], "input_type": "search_query"}, None),
    }
    async with open_rig(settings) as rig:
        rig.script(upstream, reply(response(200, said)))
        for path, (body, dropped) in asks.items():
            talk = await rig.till.send(msgspec.json.encode({"model": named(upstream), **body}), path)
            assert (talk.status, talk.headers.get(DROPPED)) == (200, dropped)


async def test_the_second_of_two_that_say_the_same(provider: FakeProvider, open_rig: OpenRig) -> None:
    upstream = UPSTREAMS["up_messages"]
    image = {"type": "input_image", "image_url": "https://images.example/a.png", "file_id": "file-1"}
    said: dict[str, Any] = {"input": [{"role": "user", "content": [image]}]}
    async with open_rig(vendors_config(provider.url)) as rig:
        status, dropped, _ = await asked(rig, "responses", upstream, **said)
        assert (status, dropped) == (200, ["input[0].content[0].file_id"])
        status, _, body = await asked(rig, "responses", upstream, STRICT, **said)
        assert status == 400
        assert "file_id" in CLIENTS["responses"].problem(status, body)
