"""A data plane before a fake provider, with prices that make costs easy to reckon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from blockbuster import BlockBuster
from tests.support.backends import backends, config
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import SECRET
from tests.support.in_process import Conversation, Plane, conversation, data_plane
from tests.support.metrics import Scrape
from tests.support.upstream_calls import until

from fastgate.api.operations import OPERATIONS
from fastgate.domain.entry import Entry
from fastgate.domain.virtual_key import VirtualKey
from fastgate.downstream.asgi import AsgiDownstream
from fastgate.pipeline.exchange import Exchange
from fastgate.pipeline.operation import Operation
from fastgate.pipeline.services import Services
from fastgate.wire.envelope import Envelope

INPUT = 1_000
"""Nano-USD for a token of input."""
OUTPUT = 2_000
ANSWER = 10 * INPUT + 3 * OUTPUT
"""What the usual answer of the fake provider costs."""


def price(provider: str, model: str = "*", *, input_usd: str = "1", output_usd: str = "2") -> dict[str, Any]:
    """By the million tokens."""
    return {
        "provider": provider,
        "model": model,
        "input_per_mtok_usd": input_usd,
        "output_per_mtok_usd": output_usd,
    }


def yearly(usd: str, **more: Any) -> dict[str, Any]:
    return {"max_per_year_usd": usd, **more}


def till_config(
    url: str, *names: str, key: dict[str, Any] | None = None, providers: Any = None, **more: Any
) -> dict[str, Any]:
    """Backends of these names, each with the usual price; `key` are further settings of the virtual key,
    `providers` of a backend, by its name."""
    known = backends(*names)
    for name, settings in (providers or {}).items():
        known[name] |= settings
    sections = {
        "logging": {"requests": False},
        "prices": [price(name) for name in names],
        "virtual_keys": [{"id": "vk_test", "secret": SECRET, **(key or {})}],
    }
    return config(url, known, **(sections | more))


@dataclass
class Till:
    plane: Plane
    provider: FakeProvider

    def begin(
        self,
        model: str = "gpt",
        *,
        secret: str = SECRET,
        path: str = "/v1/chat/completions",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        **fields: Any,
    ) -> tuple[Conversation, asyncio.Task[None]]:
        """`fields` are further ones of the body."""
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **fields}
        return self._begin(msgspec.json.encode(body), secret, path, headers)

    def _begin(
        self, body: bytes, secret: str, path: str, headers: tuple[tuple[bytes, bytes], ...]
    ) -> tuple[Conversation, asyncio.Task[None]]:
        talk = conversation(body, secret, path=path, headers=headers)

        async def serve() -> None:
            await self.plane.asgi(talk.scope, talk.receive, talk.send)

        return talk, asyncio.create_task(serve())

    async def send(self, body: bytes, path: str) -> Conversation:
        """This body and no other."""
        talk, task = self._begin(body, SECRET, path, ())
        await task
        return talk

    async def ask(self, model: str = "gpt", **more: Any) -> Conversation:
        talk, task = self.begin(model, **more)
        await task
        return talk

    async def upload(self, path: str, form: bytes, content_type: bytes) -> Conversation:
        talk = conversation(form, SECRET, path=path)
        headers = [(name, value) for name, value in talk.scope["headers"] if name != b"content-type"]
        talk.scope["headers"] = [*headers, (b"content-type", content_type)]
        await self.plane.asgi(talk.scope, talk.receive, talk.send)
        return talk

    async def fetch(self, path: str, secret: str = SECRET) -> Conversation:
        """`GET`, as the virtual key."""
        talk = conversation(b"", secret, path=path, method="GET")
        await self.plane.asgi(talk.scope, talk.receive, talk.send)
        return talk

    async def in_flight(self, count: int = 1) -> None:
        """Wait until the provider has so many requests."""
        await self.provider.until(lambda: len(self.provider.requests) >= count)

    async def waiting(self, count: int = 1) -> None:
        """Wait until so many requests wait for a limit."""
        await until(lambda: self.plane.accounting.queue.waiting == count)

    def entry(self) -> Entry:
        (entry,) = self.plane.journaled()
        return entry

    def outcomes(self) -> list[str]:
        return [entry.closing.outcome.value for entry in self.plane.journaled()]

    def spent(self, budget: str) -> int:
        """Nano-USD, with nothing reserved beside it."""
        state = self.plane.budgets()[budget]
        assert state.reserved == 0
        return state.spent

    async def scrape(self) -> Scrape:
        talk = conversation(b"", "", path="/metrics", method="GET")
        await self.plane.asgi(talk.scope, talk.receive, talk.send)
        return Scrape(talk.answer.decode())

    # --- parts of the pipeline by themselves -------------------------------------------------------

    @property
    def services(self) -> Services:
        return self.plane.data._services

    @property
    def key(self) -> VirtualKey:
        key = self.services.authenticator.authenticate(SECRET.encode())
        assert key is not None
        return key

    def exchange(
        self,
        body: bytes,
        path: str = "/chat/completions",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        operation: Operation | None = None,
    ) -> Exchange:
        """One that is authenticated and received, and no further. `operation`: that of `path`, if it is not
        among OpenAI's."""
        talk = conversation(body, SECRET, path=f"/v1{path}", headers=headers)
        operation = operation or OPERATIONS[path]
        exchange = Exchange(self.services, AsgiDownstream(talk.scope, talk.receive, talk.send), operation)
        exchange.key = self.key
        exchange.envelope = Envelope.decode(body, operation.format)
        exchange.stream = exchange.envelope.stream
        return exchange


@asynccontextmanager
async def till(
    directory: Path, provider: FakeProvider, configuration: dict[str, Any], blockbuster: BlockBuster
) -> AsyncIterator[Till]:
    """At the end nothing may be in flight."""
    async with data_plane(directory, configuration, blockbuster) as plane:
        yield Till(plane, provider)


def error_of(talk: Conversation) -> tuple[int, str, str]:
    """Status, code and message."""
    error = msgspec.json.decode(talk.answer)["error"]
    return talk.status, error["code"], error["message"]
