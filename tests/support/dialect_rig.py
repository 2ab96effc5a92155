"""A data plane before one fake provider that is a vendor of each format."""

import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from blockbuster import BlockBuster
from tests.support.backends import config
from tests.support.dialects import Client, Got
from tests.support.fake_provider import FakeProvider, Request
from tests.support.gateway_process import SECRET
from tests.support.in_process import Conversation
from tests.support.replies import Reply
from tests.support.till import Till, price, till
from tests.support.upstreams import JSON, UPSTREAMS, Upstream


def vendor(upstream: Upstream, url: str, **more: Any) -> JSON:
    """As it stands in a configuration; its failures leave no trace for what is next."""
    return {
        "dialect": upstream.dialect,
        "base_url": url.removesuffix("/v1") + upstream.base_path,
        "credentials": [{"id": "main", "secret": f"secret-of-{upstream.name}"}],
        "models": [upstream.model],
        "retries": {"max": 0},
        "breaker": {"min_requests": 1_000_000, "cooldown_429_s": 0.001},
        **({"region": "us-east-1"} if upstream.dialect == "bedrock" else {}),
        **({"endpoints": ["chat"]} if upstream.dialect == "openai" else {}),
        **more,
    }


def vendors_config(url: str, *, key: JSON | None = None, **more: Any) -> JSON:
    """All of them, at the usual prices."""
    sections = {
        "logging": {"requests": False},
        "prices": [price(name) for name in UPSTREAMS],
        "virtual_keys": [{"id": "vk_test", "secret": SECRET, **(key or {})}],
    }
    return config(url, {name: vendor(each, url) for name, each in UPSTREAMS.items()}, **(sections | more))


@asynccontextmanager
async def vendors(
    directory: Path, provider: FakeProvider, blockbuster: BlockBuster, **more: Any
) -> AsyncIterator["Rig"]:
    async with till(directory, provider, vendors_config(provider.url, **more), blockbuster) as opened:
        yield Rig(opened, provider)


class Rig:
    def __init__(self, opened: Till, provider: FakeProvider) -> None:
        self.till = opened
        self.provider = provider

    def script(self, upstream: Upstream, *replies: Reply) -> None:
        """In this order; the last one for ever."""
        self.provider.script(*replies, secret=f"secret-of-{upstream.name}")

    def asked(self, upstream: Upstream) -> list[Request]:
        return [each for each in self.provider.requests if each.secret == f"secret-of-{upstream.name}"]

    async def send(
        self,
        client: Client,
        model: str,
        body: JSON,
        *,
        stream: bool,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Conversation:
        path = client.path(model, stream=stream)
        talk, task = self.till._begin(
            msgspec.json.encode(body), SECRET, urllib.parse.unquote(path), headers
        )
        await task
        return talk

    async def ask(
        self, client: Client, model: str, body: JSON, *, stream: bool, **more: Any
    ) -> tuple[Conversation, Got]:
        """What the client got of an answer with status 200, which is complete."""
        talk = await self.send(client, model, body, stream=stream, **more)
        assert talk.status == 200, talk.answer
        return talk, (client.streamed if stream else client.whole)(talk.answer)


def named(upstream: Upstream) -> str:
    """The model as a client asks for it."""
    return f"{upstream.name}/{upstream.model}"
