"""The data plane inside of the test's own loop: for another ASGI server, and for cancelling it anywhere."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blockbuster import BlockBuster
from tests.support.worker_process import Published

from fastgate._core.shm import SharedSlots
from fastgate.app.build import WorkerDataPlane, build_data_plane
from fastgate.app.context import WorkerContext
from fastgate.domain.snapshot import Snapshot
from fastgate.routing.states import states
from fastgate.upstream.client import PoolStats


@dataclass
class Plane:
    """A worker's data plane with the files that it shares with nobody."""

    data: WorkerDataPlane
    counters: SharedSlots
    snapshot: Snapshot

    def in_flight(self) -> int:
        """By the shared slots: what `fastgate status` and `least_busy` count."""
        return sum(state.in_flight for state in states(self.counters, self.snapshot, 0))

    def pools(self) -> list[PoolStats]:
        """Of the upstream client, which only the data plane itself has."""
        return list(self.data._services.client.stats().values())


@asynccontextmanager
async def data_plane(
    directory: Path, config: Mapping[str, Any], blockbuster: BlockBuster
) -> AsyncIterator[Plane]:
    """Starting and ending may block, as they may in a worker; what is between may not."""
    with _may_block(blockbuster):
        published = Published(directory, config)
        result = published.publisher.publish()
        assert result.ok, result
        published.store.close()  # LMDB opens a file once in a process
        snapshot = published.publisher.current()
        context = WorkerContext(
            index=0,
            data_dir=published.data_dir,
            counters=published.counters,
            snapshot=snapshot,
            metrics_enabled=True,
            max_series=10_000,
        )
        plane = Plane(build_data_plane(context), published.counters, snapshot)
    try:
        yield plane
    finally:
        with _may_block(blockbuster):
            await plane.data.aclose()
            published.close()


@contextmanager
def _may_block(blockbuster: BlockBuster) -> Iterator[None]:
    blockbuster.deactivate()
    try:
        yield
    finally:
        blockbuster.activate()


@dataclass
class Conversation:
    """One request as an ASGI server would hand it over, and what the application answered."""

    scope: dict[str, Any]
    body: bytes
    sent: list[dict[str, Any]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _taken: bool = False

    async def receive(self) -> dict[str, Any]:
        if not self._taken:
            self._taken = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"]) if self.sent else 0

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def answer(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def complete(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False


def conversation(
    body: bytes,
    secret: str,
    path: str = "/v1/chat/completions",
    method: str = "POST",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> Conversation:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [
            (b"authorization", f"Bearer {secret}".encode()),
            (b"content-type", b"application/json"),
            *headers,
        ],
    }
    return Conversation(scope, body)
