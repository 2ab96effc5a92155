"""kill -9 at random moments under load: what the provider has seen is what the ledger has, exactly once.

`FASTGATE_TEST_SEED` repeats a run; each message of a failure names the seed and the round.
"""

import asyncio
import itertools
import os
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.counting_provider import CountingProvider
from tests.support.gateway_process import GatewayProcess, gateway_config, provider_config
from tests.support.load import Answer, Connection
from tests.support.money import (
    FORWARD_IDS,
    NANO,
    Budget,
    Entry,
    audited,
    budget,
    budgets_of,
    entries,
)
from tests.support.processes import in_thread
from tests.support.raw_client import chat_body, request

CLIENTS = 24
WORKERS = 2
LIMIT = 1_000_000 * NANO
PRICE = {"provider": "fake", "model": "gpt-4o", "input_per_mtok_usd": "1", "output_per_mtok_usd": "2"}
WHO = ("worker", "control", "worker and control", "supervisor", "all")
_BACK_S = 20.0


def config(provider: CountingProvider) -> dict[str, Any]:
    found = gateway_config(
        {"fake": provider_config(provider.url)},
        workers=WORKERS,
        prices=[PRICE],
        upstream=FORWARD_IDS,
        customers=[{"id": "acme", "budget": budget(LIMIT)}],
    )
    found["virtual_keys"][0] |= {
        "customer_id": "acme",
        "budget": budget(LIMIT, strict=True),
        "rate_limit": {"concurrent_requests": 10_000},
    }
    return found


class Clients:
    """They ask on, plain and streamed, and come back when they have lost their connection."""

    def __init__(self, numbers: "itertools.count[int]", rng: random.Random) -> None:
        self.answers = 0
        self.succeeded: set[str] = set()
        self.others: Counter[int] = Counter()
        self._numbers = numbers
        self._rng = rng
        self._ended = False
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def run(self, url: str) -> None:
        await asyncio.gather(*(self._client(url) for _ in range(CLIENTS)))

    def stop(self) -> None:
        self._ended = True

    async def more(self, answers: int) -> None:
        """Wait for so many answers from now on."""
        reached = asyncio.get_running_loop().create_future()
        self._waiting.append((self.answers + answers, reached))
        await asyncio.wait_for(reached, _BACK_S)

    async def _client(self, url: str) -> None:
        connection: Connection | None = None
        while not self._ended:
            try:
                if connection is None or not connection.open:
                    connection = await Connection.connect(url)
            except OSError:
                await asyncio.sleep(0.02)  # nobody listens any more: until the test stops us
                continue
            name, stream = f"call-{next(self._numbers)}", self._rng.random() < 0.5
            answer = await connection.call(request(chat_body(stream=stream), ("x-request-id", name)))
            if _succeeded(answer):
                self.succeeded.add(name)
            elif answer.complete:
                self.others[answer.status] += 1
            self._count()
            if answer.headers.get("connection") == "close":
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _count(self) -> None:
        self.answers += 1
        for wanted, reached in self._waiting:
            if self.answers >= wanted and not reached.done():
                reached.set_result(None)
        self._waiting = [each for each in self._waiting if not each[1].done()]


def _succeeded(answer: Answer) -> bool:
    if answer.status != 200 or not answer.complete:
        return False
    streamed = answer.headers["content-type"].startswith("text/event-stream")
    return not streamed or answer.events()[-1:] == ["[DONE]"]


class Rounds:
    """One data directory, whose gateway is killed again and again."""

    def __init__(self, directory: Path, provider: CountingProvider, seed: int) -> None:
        self._directory = directory
        self._provider = provider
        self._rng = random.Random(seed)
        self._numbers = itertools.count()
        self._succeeded: set[str] = set()
        self._gateway: GatewayProcess | None = None
        self._tree: list[psutil.Process] = []
        self.lost = 0

    async def round(self, who: str, *, audit: bool) -> None:
        gateway = await self._running()
        pids = await self._pids(gateway)
        clients = Clients(self._numbers, self._rng)
        load = asyncio.create_task(clients.run(gateway.url))
        try:
            await clients.more(self._rng.randrange(CLIENTS, 6 * CLIENTS))
            await asyncio.sleep(self._rng.random() * 0.05)  # a moment that no answer decides
            self._kill(gateway, who, pids)
            if who in {"supervisor", "all"}:
                _, alive = await in_thread(lambda: psutil.wait_procs(self._tree, timeout=_BACK_S))
                assert not alive, "a child outlives its supervisor"
            else:
                await clients.more(2 * CLIENTS)
        finally:
            clients.stop()
            await load
        self._succeeded |= clients.succeeded
        # 503: the worker was told to drain, as its supervisor is no more.
        assert not clients.others.keys() - {503}, clients.others
        gateway = await self._running()
        await in_thread(self._provider.drained)
        await self._agree(gateway)
        if audit:
            await audited(gateway)

    async def end(self) -> None:
        """In order, so that nothing is left to be settled."""
        gateway = await self._running()
        gateway.terminate()
        assert await gateway.await_exit() == 0

    def stop(self) -> None:
        """Whatever is left of it, also after a failure."""
        if self._gateway is not None:
            self._gateway.__exit__(None, None, None)
        for process in self._tree:
            if process.is_running():
                process.kill()

    async def _running(self) -> GatewayProcess:
        if self._gateway is None or self._gateway.child.process.poll() is not None:
            if self._gateway is not None:
                self._gateway.__exit__(None, None, None)
            gateway = self._gateway = GatewayProcess(config(self._provider), self._directory)
            await in_thread(gateway.__enter__)
        return self._gateway

    async def _pids(self, gateway: GatewayProcess) -> dict[str, int]:
        """Of its children, once all of them are there: some may just be starting again."""

        def look() -> dict[str, int]:
            for _ in range(200):
                try:
                    pids = gateway.pids()
                except httpx.TransportError:  # the control process is not there yet
                    pids = {"control": 0}
                if all(pids.values()):
                    return pids
                threading.Event().wait(0.05)
            raise AssertionError("a child does not come back")

        return await in_thread(look)

    def _kill(self, gateway: GatewayProcess, who: str, pids: dict[str, int]) -> None:
        self._tree = gateway.child.descendants()
        worker = psutil.Process(pids[f"worker-{self._rng.randint(1, WORKERS)}"])
        supervisor, control = psutil.Process(gateway.child.process.pid), psutil.Process(pids["control"])
        doomed = {
            "worker": [worker],
            "control": [control],
            "worker and control": [worker, control],
            "supervisor": [supervisor],
            "all": [supervisor, *self._tree],
        }[who]
        self._rng.shuffle(doomed)
        for process in doomed:
            process.kill()
        if supervisor in doomed:
            gateway.child.process.wait()

    # --- what must be true ------------------------------------------------------------------------------

    async def _agree(self, gateway: GatewayProcess) -> None:
        """Wait until all that the provider has seen is in the ledger, and nothing is held any more."""
        seen = self._provider.count()
        ledger: list[Entry] = []
        found: dict[str, Budget] = {}

        async def settled() -> bool:
            nonlocal ledger, found
            found = await budgets_of(gateway.url)
            ledger = await in_thread(lambda: entries(gateway.data_dir))
            known = {entry.request_id for entry in ledger}
            spent = sum(entry.cost for entry in ledger)
            return known.issuperset(seen) and set(found.values()) == {Budget(LIMIT, spent, 0)}

        for _ in range(200):
            if await settled():
                break
            await asyncio.sleep(0.05)
        spent = sum(entry.cost for entry in ledger)
        billed = Counter(entry.request_id for entry in ledger)
        assert not seen - billed, f"seen and not billed: {seen - billed}\n{self._said(gateway)}"
        right = dict.fromkeys(("virtual_key", "customer"), Budget(LIMIT, spent, 0))
        assert found == right, self._said(gateway)
        # A worker says that it sends before it does: what died in between looks as if it had been sent.
        unseen = billed - seen
        assert all(
            entry.outcome == "worker_lost" and entry.estimated
            for entry in ledger
            if entry.request_id in unseen
        ), unseen
        assert not self._succeeded - billed.keys()
        by_id = {entry.request_id: entry for entry in ledger}
        exact = cost_of(self._provider)
        for name in self._succeeded:
            entry = by_id[name]
            # The end of a stream may reach its client before a worker that dies then has settled it.
            assert entry.outcome in {"complete", "worker_lost"}, entry
            if entry.outcome == "complete":
                assert (entry.cost, entry.estimated) == (exact, False), entry
        self.lost = sum(entry.outcome == "worker_lost" for entry in ledger)

    def _said(self, gateway: GatewayProcess) -> str:
        """For the message of a failure: what the gateway has complained of."""
        lines = [line for line in gateway.child.stderr.seen if '"level":"info"' not in line]
        return "\n".join(lines[-100:])


def cost_of(provider: CountingProvider) -> int:
    return provider.input_tokens * 1_000 + provider.output_tokens * 2_000


async def kill_again_and_again(tmp_path: Path, rounds: int, *, audit_every: int) -> None:
    seed = int(os.environ.get("FASTGATE_TEST_SEED") or random.randrange(1 << 32))
    print(f"FASTGATE_TEST_SEED={seed}")
    order = random.Random(seed)
    jitter = random.Random(seed)
    with CountingProvider(delay_s=0.06, pieces=4, gap_s=0.02, jitter=jitter) as provider:
        killing = Rounds(tmp_path, provider, seed)
        chosen = [*WHO, *order.choices(WHO, k=rounds)][:rounds]
        try:
            for number, who in enumerate(chosen, 1):
                print(f"round {number}: {who}")
                await killing.round(who, audit=number % audit_every == 0)
            await killing.end()
        finally:
            await in_thread(killing.stop)
        assert killing.lost, "no call was lost in any round: nothing was tested"


async def test_whoever_dies_every_call_is_billed_once(tmp_path: Path) -> None:
    await kill_again_and_again(tmp_path, len(WHO), audit_every=len(WHO))


@pytest.mark.slow
@pytest.mark.timeout(1_800)
async def test_whoever_dies_every_call_is_billed_once_in_200_rounds(tmp_path: Path) -> None:
    await kill_again_and_again(tmp_path, 200, audit_every=10)
