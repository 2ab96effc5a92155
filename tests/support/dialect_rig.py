"""A data plane before one fake provider that is a vendor of each format."""

import asyncio
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from blockbuster import BlockBuster
from tests.support.backends import config
from tests.support.dialects.client import Client, Got
from tests.support.fake_provider import FakeProvider, Request
from tests.support.gateway_process import SECRET
from tests.support.in_process import Conversation
from tests.support.replies import Reply
from tests.support.till import Till, price, till
from tests.support.upstream_calls import until
from tests.support.upstreams.registry import UPSTREAMS
from tests.support.upstreams.script import JSON, Upstream


def vendor(upstream: Upstream, url: str, **more: Any) -> JSON:
    """As it stands in a configuration; its failures leave no trace for what is next."""
    return {
        "dialect": upstream.dialect,
        "base_url": url.removesuffix("/v1") + upstream.base_path,
        "credentials": [{"id": "main", "secret": f"secret-of-{upstream.name}"}],
        "models": [upstream.model],
        "retries": {"max": 0},
        "breaker": {"min_requests": 1_000_000, "cooldown_429_s": 0.000_001},
        **({"region": "us-east-1"} if upstream.dialect == "bedrock" else {}),
        **({"endpoints": ["chat"]} if upstream.dialect == "openai" else {}),
        **more,
    }


def known(upstream: Upstream, url: str, **more: Any) -> JSON:
    """One whose name says the rest."""
    settings = vendor(upstream, url, **more)
    return {name: value for name, value in settings.items() if name not in ("dialect", "models", "endpoints")}


def vendors_config(url: str, *, key: JSON | None = None, **more: Any) -> JSON:
    """All of them, at the usual prices."""
    sections = {
        "logging": {"requests": False},
        "prices": [price(name) for name in UPSTREAMS],
        "virtual_keys": [{"id": "vk_test", "secret": SECRET, **(key or {})}],
    }
    return config(url, {name: vendor(each, url) for name, each in UPSTREAMS.items()}, **(sections | more))


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
        talk, task = self.begin(client, model, body, stream=stream, headers=headers)
        await task
        return talk

    def begin(
        self,
        client: Client,
        model: str,
        body: JSON,
        *,
        stream: bool,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> tuple[Conversation, "asyncio.Task[None]"]:
        path = urllib.parse.unquote(client.path(model, stream=stream))
        return self.till._begin(msgspec.json.encode(body), SECRET, path, headers)

    async def until_more_than(self, talk: Conversation, size: int) -> None:
        """Wait until the client has been sent more of a body than this."""
        await until(lambda: len(b"".join(message.get("body", b"") for message in talk.sent)) > size)

    async def until_sent(self, talk: Conversation, piece: bytes) -> None:
        """Wait until the client has been sent this."""
        await until(lambda: piece in b"".join(message.get("body", b"") for message in talk.sent))

    async def ask(
        self, client: Client, model: str, body: JSON, *, stream: bool, **more: Any
    ) -> tuple[Conversation, Got]:
        """What the client got of an answer with status 200, which is complete."""
        talk = await self.send(client, model, body, stream=stream, **more)
        assert talk.status == 200, talk.answer
        return talk, (client.streamed if stream else client.whole)(talk.answer)


@asynccontextmanager
async def rig(
    directory: Path, provider: FakeProvider, configuration: JSON, blockbuster: BlockBuster
) -> AsyncIterator[Rig]:
    """At the end no call, no hold and no connection may be in use."""
    async with till(directory, provider, configuration, blockbuster) as opened:
        yield Rig(opened, provider)
        plane = opened.plane
        assert (plane.data.in_flight(), plane.in_flight()) == (0, 0)
        await until(lambda: all(stats.open == stats.idle for stats in plane.pools()))


def named(upstream: Upstream) -> str:
    """The model as a client asks for it."""
    return f"{upstream.name}/{upstream.model}"
