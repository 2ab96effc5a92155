"""The ledger's database is away, locked or has no disk: serving goes on, and all arrives afterwards."""

import asyncio
import itertools
import os
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.support.counting_provider import CountingProvider
from tests.support.gateway_process import GatewayProcess, gateway_config, provider_config
from tests.support.load import Answer, Hammer
from tests.support.money import (
    FORWARD_IDS,
    Budget,
    answer_error,
    audited,
    budget,
    budgets_of,
    entries,
    flat_price,
)
from tests.support.postgres import PostgresServer, find_binaries
from tests.support.processes import in_thread
from tests.support.raw_client import chat_body, exchange, request

COST = 1_000_001
CANNOT_WRITE = "the ledger cannot be written; the journals grow meanwhile"
CLIENTS = 16


@pytest.fixture
def provider() -> Iterator[CountingProvider]:
    with CountingProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL here: neither pg_config, /usr/lib/postgresql nor PATH leads to initdb")
    with PostgresServer(binaries) as server:
        yield server


def config(provider: CountingProvider, *, workers: int = 2, **ledger: Any) -> dict[str, Any]:
    found = gateway_config(
        {"fake": provider_config(provider.url)},
        workers=workers,
        prices=[flat_price("fake", "gpt-4o", COST)],
        upstream=FORWARD_IDS,
        ledger={"drain_interval_ms": 50, **ledger},
    )
    found["virtual_keys"][0]["budget"] = budget(10**12)
    return found


class Calls:
    """Calls with ids of their own, which must all succeed."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.made = 0

    async def make(self, gateway: GatewayProcess, count: int) -> None:
        requests = [
            request(chat_body(stream=number % 2 > 0), ("x-request-id", f"call-{next(self._numbers)}"))
            for number in range(count)
        ]
        hammer = Hammer(gateway.url, iter(requests), judged)
        await hammer.run(CLIENTS)
        assert hammer.outcomes == {"served": count}
        self.made += count


def judged(answer: Answer) -> str:
    if answer.status == 200 and answer.complete:
        return "served"
    if answer.status == 503 and answer_error(bytes(answer.body))["code"] == "ledger_unavailable":
        return "refused"
    return f"bad {answer}"


Ids = Callable[[], Counter[str]]
"""The request ids in the ledger; each call should be there once."""


def in_sqlite(gateway: GatewayProcess) -> Ids:
    return lambda: Counter(entry.request_id for entry in entries(gateway.data_dir))


def in_postgresql(server: PostgresServer, url: str) -> Ids:
    def read() -> Counter[str]:
        with server.connect(urlsplit(url).path[1:]) as connection:
            return Counter(row[0] for row in connection.execute("SELECT request_id FROM entries"))

    return read


async def everything_arrives(gateway: GatewayProcess, provider: CountingProvider, ids: Ids) -> None:
    """The ledger has what the provider has seen, once each; the counters agree, and the metrics say so."""
    seen = provider.count()
    for _ in range(300):
        if (await in_thread(ids)).total() >= seen.total():
            break
        await asyncio.sleep(0.05)
    assert await in_thread(ids) == seen
    assert (await budgets_of(gateway.url))["virtual_key"] == Budget(10**12, seen.total() * COST, 0)
    await gateway.until_metric(lambda scrape: scrape.value("fastgate_ledger_up") == 1)
    await audited(gateway)


async def is_down(gateway: GatewayProcess, within_s: float = 10.0) -> None:
    # The line first: before the first write there is no such metric, which looks like 0.
    line = await gateway.log_line(within_s, message=CANNOT_WRITE)
    assert line["level"] == "error"
    await gateway.until_metric(lambda scrape: scrape.value("fastgate_ledger_up") == 0)


# --- away ---------------------------------------------------------------------------------------------


async def test_the_server_goes_away_and_comes_back(
    provider: CountingProvider, postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.create_database()
    calls = Calls()
    with GatewayProcess(config(provider, url=url), tmp_path) as gateway:
        ids = in_postgresql(postgres, url)
        await calls.make(gateway, 50)
        await in_thread(postgres.stop)
        try:
            await calls.make(gateway, 100)
            await is_down(gateway)
            # What a dead worker has journaled waits too.
            gateway.kill("worker-1")
            await calls.make(gateway, 100)
        finally:
            await in_thread(postgres.start)
        await calls.make(gateway, 50)
        await everything_arrives(gateway, provider, ids)
        assert len(gateway.log_lines(message=CANNOT_WRITE)) < 10, "the same is said again and again"
    assert provider.count().total() == calls.made


async def test_the_control_process_dies_while_the_server_is_away(
    provider: CountingProvider, postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.create_database()
    calls = Calls()
    with GatewayProcess(config(provider, url=url), tmp_path) as gateway:
        await calls.make(gateway, 50)
        await in_thread(postgres.stop)
        try:
            gateway.kill("control")
            await gateway.log_line(message="process died; it is started again", child="control")
            # The new one has looked for its ledger in vain, and has to look again.
            await gateway.log_line(message="configuration refused; the one in use stays")
            await calls.make(gateway, 200)
        finally:
            await in_thread(postgres.start)
        await calls.make(gateway, 50)
        await everything_arrives(gateway, provider, in_postgresql(postgres, url))


async def test_a_reload_while_the_server_is_away(
    provider: CountingProvider, postgres: PostgresServer, tmp_path: Path
) -> None:
    """It is refused, with the reason, as a configuration that cannot be used is."""
    url = postgres.create_database()
    calls = Calls()
    with GatewayProcess(config(provider, url=url), tmp_path) as gateway:
        await in_thread(postgres.stop)
        try:
            await calls.make(gateway, 20)
            result = await gateway.areload()
            assert result["ok"] is False
            assert "ledger" in result["diagnostics"][0]["message"]
            assert url not in str(result)
            await calls.make(gateway, 20)
        finally:
            await in_thread(postgres.start)
        assert (await gateway.areload())["ok"] is True
        await everything_arrives(gateway, provider, in_postgresql(postgres, url))


# --- locked -------------------------------------------------------------------------------------------


@contextmanager
def locked(gateway: GatewayProcess) -> Iterator[None]:
    """As by a backup that takes its time: nobody can write."""
    connection = sqlite3.connect(gateway.data_dir / "fastgate.db", isolation_level=None)
    connection.execute("PRAGMA busy_timeout = 10000")
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def test_a_locked_file(provider: CountingProvider, tmp_path: Path) -> None:
    calls = Calls()
    with GatewayProcess(config(provider), tmp_path) as gateway:
        ids = in_sqlite(gateway)
        await calls.make(gateway, 20)
        await everything_arrives(gateway, provider, ids)
        with locked(gateway):
            await calls.make(gateway, 200)
            assert ids().total() == 20
        await everything_arrives(gateway, provider, ids)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_file_that_is_locked_for_long(provider: CountingProvider, tmp_path: Path) -> None:
    calls = Calls()
    with GatewayProcess(config(provider), tmp_path) as gateway:
        with locked(gateway):
            await calls.make(gateway, 200)
            await is_down(gateway, 60)
            await calls.make(gateway, 200)
        await everything_arrives(gateway, provider, in_sqlite(gateway))


# --- no disk ------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for a gateway."""
    where = tmp_path / "disk"
    where.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(where)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield where
    subprocess.run(["umount", "--lazy", str(where)], check=True)


@contextmanager
def full(directory: Path) -> Iterator[None]:
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as file:
        size = 1 << 20
        while size:
            try:
                os.write(file.fileno(), b"x" * size)
            except OSError:
                size //= 2
    try:
        yield
    finally:
        ballast.unlink()


async def test_a_full_disk(provider: CountingProvider, small_disk: Path) -> None:
    """What the journals have in reserve is used meanwhile."""
    calls = Calls()
    with GatewayProcess(config(provider), small_disk) as gateway:
        await calls.make(gateway, 20)
        with full(small_disk):
            await calls.make(gateway, 1_000)
            await is_down(gateway)
            await calls.make(gateway, 1_000)
        await everything_arrives(gateway, provider, in_sqlite(gateway))


# --- the bound of the journal -------------------------------------------------------------------------


def heavy(provider: CountingProvider, **ledger: Any) -> dict[str, Any]:
    """One worker with the smallest journal and large entries."""
    found = config(provider, workers=1, journal={"max_mb": 16}, **ledger)
    found["virtual_keys"][0]["metadata"] = {f"m{number}": "x" * 200 for number in range(4)}
    found["virtual_keys"][0]["tags"] = {f"t{number}": "x" * 64 for number in range(6)}
    return found


async def until(hammer: Hammer, condition: Callable[[], bool]) -> None:
    while not condition():
        await hammer.more(CLIENTS)


async def test_at_the_bound_calls_are_denied(provider: CountingProvider, tmp_path: Path) -> None:
    requests = (request(chat_body(), ("x-request-id", f"call-{number}")) for number in itertools.count())
    with GatewayProcess(heavy(provider), tmp_path) as gateway:
        assert not gateway.log_lines(level="error")
        ids = in_sqlite(gateway)
        hammer = Hammer(gateway.url, requests, judged)
        with locked(gateway):
            running = asyncio.create_task(hammer.run(CLIENTS))
            await until(hammer, lambda: hammer.outcomes["refused"] > 100)
            hammer.stop()
            await running
            refused = await exchange(gateway.url, request(chat_body()))
            assert (refused.status, refused.error()["code"]) == (503, "ledger_unavailable")
            assert refused.header("retry-after") == "5"
            assert await gateway.log_line(message="the journal cannot grow", level="error")
            scrape = await gateway.ascrape()
            assert scrape.value("fastgate_unrecorded_calls_total") == 0
            assert scrape.value("fastgate_journal_bytes", process="worker-1") == 16 << 20
        assert set(hammer.outcomes) == {"served", "refused"}
        assert provider.count().total() == hammer.outcomes["served"]
        await everything_arrives(gateway, provider, ids)
        # The worker looks for room several times a second.
        for _ in range(100):
            if (await exchange(gateway.url, request(chat_body()))).status == 200:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("calls are denied, though there is room again")


async def test_at_the_bound_calls_are_allowed_where_that_is_configured(
    provider: CountingProvider, tmp_path: Path
) -> None:
    requests = (request(chat_body(), ("x-request-id", f"call-{number}")) for number in itertools.count())
    unrecorded = "fastgate_unrecorded_calls_total"
    with GatewayProcess(heavy(provider, when_full="allow_unrecorded"), tmp_path) as gateway:
        ids = in_sqlite(gateway)
        hammer = Hammer(gateway.url, requests, judged)
        with locked(gateway):
            running = asyncio.create_task(hammer.run(CLIENTS))
            line = await gateway.log_line(40, message="a ledger entry is lost: the journal is full")
            assert line["level"] == "error"
            await hammer.more(100)
            hammer.stop()
            await running
            assert set(hammer.outcomes) == {"served"}
        served = hammer.outcomes["served"]
        lost, found = 0, Counter[str]()
        for _ in range(300):
            lost = int((await gateway.ascrape()).value(unrecorded))
            found = await in_thread(ids)
            if found.total() + lost >= served:
                break
            await asyncio.sleep(0.05)
        assert lost >= 100
        assert found.total() == len(found) == served - lost
        assert found <= provider.count()


# --- behind -------------------------------------------------------------------------------------------


async def test_what_is_not_drained_yet_counts(provider: CountingProvider, tmp_path: Path) -> None:
    """The counters are compared with ledger and journals every second, and are not put right by what only the
    journals have: those of a worker that the control process has not looked at, and longer ones than it reads
    at once."""
    calls = Calls()
    with GatewayProcess(config(provider, drain_interval_ms=86_400_000), tmp_path) as gateway:
        for count in (100, 10_000):
            await calls.make(gateway, count)
            right = Budget(10**12, calls.made * COST, 0)
            for _ in range(25):
                assert (await budgets_of(gateway.url))["virtual_key"] == right
                await asyncio.sleep(0.1)
            gateway.kill("worker-1")
        assert (await gateway.ascrape()).value("fastgate_ledger_differences_total") == 0
