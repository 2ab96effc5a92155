"""The data plane inside of the test's own loop: for another ASGI server, and for cancelling it anywhere.

The control process is away, but for the moment in which it publishes: what calls cost is in the journal.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from blockbuster import BlockBuster
from tests.support.worker_process import Published

from fastgate import clock
from fastgate._core.shm import SharedSlots
from fastgate.app.build import WorkerDataPlane, build_data_plane
from fastgate.app.context import WorkerContext
from fastgate.budgets.state import BudgetState
from fastgate.domain.account import Accounts, Measure
from fastgate.domain.entry import Entry, decode_entry
from fastgate.domain.snapshot import Snapshot
from fastgate.downstream.asgi import Application, application
from fastgate.ledger.reader import JournalReader
from fastgate.pipeline.services import Accounting
from fastgate.routing.states import states
from fastgate.store.data_dir import DataDir
from fastgate.upstream.client import PoolStats


@dataclass
class Plane:
    """A worker's data plane with the files that it shares with nobody."""

    data: WorkerDataPlane
    data_dir: DataDir
    counters: SharedSlots
    snapshot: Snapshot
    own: list[Accounts]  # of the virtual keys

    @property
    def asgi(self) -> Application:
        return application(self.data.handler)

    def in_flight(self) -> int:
        """By the shared slots: what `fastgate status` and `least_busy` count."""
        return sum(state.in_flight for state in states(self.counters, self.snapshot, 0))

    def pools(self) -> list[PoolStats]:
        """Of the upstream client, which only the data plane itself has."""
        return list(self.data._services.client.stats().values())

    @property
    def accounting(self) -> Accounting:
        return self.data._services.accounting

    def journaled(self) -> list[Entry]:
        """What was billed so far, in order."""
        reader = JournalReader(self.data_dir.journal / self.accounting.writer.name)
        try:
            return [decode_entry(record.payload) for record in reader.read(1_000_000, living=True)]
        finally:
            reader.close()

    def budgets(self) -> dict[str, BudgetState]:
        """Each by its owner and period, as `virtual key vk_test yearly`."""
        accounts, now_ns = self.accounting.accounts, clock.time_ns()
        return {
            f"{budget.owner} {budget.period}": BudgetState.read(accounts, budget.line, now_ns)
            for each in self._all_accounts()
            for budget in each.budgets
        }

    def concurrent(self) -> dict[str, int]:
        """How much is in flight by each cap on it, by its owner."""
        load = self.accounting.accounts.load
        return {
            str(ref.owner): load(ref.line, limit.word)
            for each in self._all_accounts()
            for ref in each.limits
            for limit in ref.limits
            if limit.measure is Measure.CONCURRENT
        }

    def _all_accounts(self) -> list[Accounts]:
        snapshot = self.snapshot
        return [
            *self.own,
            *snapshot.owners.values(),
            *(each.accounts for each in snapshot.tag_accounts),
            *(each.accounts for each in snapshot.model_accounts),
        ]

    def check_nothing_is_held(self) -> None:
        """No call is in flight, so nothing of one may be left in what it was counted in."""
        writer = self.accounting.writer
        assert writer.holds.in_use == 0, "a hold was not given back"
        assert writer.promised == 0, "room of the journal is promised to nobody"
        assert self.accounting.queue.waiting == 0
        assert {name: state for name, state in self.budgets().items() if state.reserved} == {}
        assert {name: count for name, count in self.concurrent().items() if count} == {}


@asynccontextmanager
async def data_plane(
    directory: Path, config: Mapping[str, Any], blockbuster: BlockBuster
) -> AsyncIterator[Plane]:
    """Starting and ending may block, as they may in a worker; what is between may not. At the end no call may
    be in flight."""
    with _may_block(blockbuster):
        published = Published(directory, config)
        result = published.publisher.publish()
        assert result.ok, result
        snapshot = published.publisher.current()
        own = [key.accounts for key in published.store.all_keys()]
        published.store.close()  # LMDB opens a file once in a process
        context = WorkerContext(
            index=0,
            data_dir=published.data_dir,
            counters=published.counters,
            snapshot=snapshot,
            metrics_enabled=True,
            max_series=10_000,
        )
        plane = Plane(build_data_plane(context), published.data_dir, published.counters, snapshot, own)
    try:
        yield plane
        plane.check_nothing_is_held()
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
