"""What is not relayed: the root, health, and metrics. No virtual key is asked for here."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from fastgate._version import __version__
from fastgate.downstream.interface import Downstream
from fastgate.pipeline.services import Services
from fastgate.wire.openai import JSON

Page = Callable[[Downstream], Awaitable[None]]
RenderMetrics = Callable[[bytes | None], tuple[bytes, str]]
"""`Accept` header → (body, content type)."""

_NAME: Final = msgspec.json.encode({"name": "fastgate", "version": __version__})


class ServicePages:
    """`render_metrics` is None where metrics are switched off."""

    def __init__(self, services: Services, render_metrics: RenderMetrics | None) -> None:
        self._services = services
        self._render_metrics = render_metrics
        self.handlers: dict[str, Page] = {
            "/": self._root,
            "/health/live": self._live,
            "/health/ready": self._ready,
        }
        if render_metrics is not None:
            self.handlers["/metrics"] = self._metrics

    async def _root(self, downstream: Downstream) -> None:
        await downstream.respond(200, [JSON], _NAME)

    async def _live(self, downstream: Downstream) -> None:
        await downstream.respond(200, [JSON], b'{"status":"alive"}')

    async def _ready(self, downstream: Downstream) -> None:
        if self._services.draining:
            await downstream.respond(503, [JSON], b'{"status":"draining"}')
        else:
            await downstream.respond(200, [JSON], b'{"status":"ready"}')

    async def _metrics(self, downstream: Downstream) -> None:
        """In a thread: a scrape takes milliseconds, and streams must not wait for it."""
        assert self._render_metrics is not None
        body, content_type = await asyncio.to_thread(self._render_metrics, downstream.header(b"accept"))
        await downstream.respond(200, [(b"content-type", content_type.encode())], body)
