"""A new configuration, and new and revoked secrets, while clients never stop asking."""

import asyncio
import itertools
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.builders import DONE, LAST_CHUNK, chunk
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import GatewayProcess, gateway_config, provider_config
from tests.support.load import Answer, Connection, Hammer, accepted_by, open_streams
from tests.support.processes import fastgate_command, in_thread, python_environment
from tests.support.raw_client import chat_body, request
from tests.support.replies import Gate, Wait, chat_reply, chat_stream, stream_then

CLIENTS = 50
RELOADS = 5
WORKERS = 2
WITHIN_S = 1.0

PLAIN = request(chat_body())
STREAM = request(chat_body(model="streamed", stream=True))
HELD = request(chat_body(model="held", stream=True))
BROKEN = "providers: {p9: {dialekt: openai}}\n"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        provider.script(chat_reply(), model="gpt-4o")
        provider.script(chat_stream(), model="streamed")
        yield provider


def config(provider: FakeProvider, name: str) -> dict[str, Any]:
    """The one provider has this name: whoever answers says so."""
    served = provider_config(provider.url, "gpt-4o", "streamed", "held")
    return gateway_config({name: served}, workers=WORKERS)


def judged(answer: Answer) -> str:
    """`good` and who it is from, or what was wrong."""
    good = answer.complete and answer.status == 200
    if good and answer.headers["content-type"].startswith("text/event-stream"):
        good = answer.pieces() == ["Hello", " there"] and answer.events()[-1] == "[DONE]"
    return f"good {answer.headers['x-fastgate-provider']}" if good else f"bad {answer}"


@asynccontextmanager
async def hammered(gateway: GatewayProcess) -> AsyncIterator[Hammer]:
    """Clients ask on inside the block, for answers and for streams."""
    hammer = Hammer(gateway.url, itertools.cycle([PLAIN, STREAM]), judged)
    clients = asyncio.create_task(hammer.run(CLIENTS))
    try:
        await hammer.more(CLIENTS)
        yield hammer
    finally:
        hammer.stop()
        await clients


def run(gateway: GatewayProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command as a user gives it, beside the running gateway."""
    return subprocess.run(
        fastgate_command(*arguments, "--data-dir", str(gateway.data_dir)),
        env=python_environment(),
        cwd=gateway.directory,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def test_no_request_fails_and_each_has_one_configuration(
    provider: FakeProvider, tmp_path: Path
) -> None:
    gate = Gate()
    provider.script(stream_then(["first"], Wait(gate), chunk(DONE), LAST_CHUNK), model="held")
    with GatewayProcess(config(provider, "p0"), tmp_path) as gateway:
        (old,) = await open_streams(gateway.url, [HELD], lambda answer: b"first" in answer.body)
        async with hammered(gateway) as hammer:
            for number in range(1, RELOADS + 1):
                gateway.write_config(config(provider, f"p{number}"))
                assert (await gateway.areload())["ok"] is True
                # What a client has open may have begun before.
                await hammer.all_began_anew()
                before = hammer.outcomes.copy()
                await hammer.more(CLIENTS)
                assert set(hammer.outcomes - before) == {f"good p{number}"}
        assert set(hammer.outcomes) == {f"good p{number}" for number in range(RELOADS + 1)}
        gate.open()
        assert (await old.done()).events()[-1] == "[DONE]"
        assert old.answer.headers["x-fastgate-provider"] == "p0"
        old.close()
        assert gateway.log_lines(level="error") == []


async def test_a_broken_file_changes_nothing_and_says_so(provider: FakeProvider, tmp_path: Path) -> None:
    with GatewayProcess(config(provider, "p0"), tmp_path) as gateway:
        async with hammered(gateway) as hammer:
            gateway.config_path.write_text(BROKEN)
            result = await in_thread(lambda: run(gateway, "reload"))
            await hammer.more(2 * CLIENTS)
            assert result.returncode == 1
            assert "fastgate.yaml:1: error: providers.p9.dialekt" in result.stdout
            assert "not reloaded: the gateway goes on with generation 1" in result.stderr
            line = await gateway.log_line(message="configuration refused; the one in use stays")
            assert "dialekt" in line["findings"][0]
            scrape = await gateway.ascrape()
            assert scrape.value("fastgate_config_reload_failures_total") >= 1
            assert {s.value for s in scrape.samples("fastgate_config_generation")} == {1.0}

            gateway.write_config(config(provider, "p1"))
            result = await in_thread(lambda: run(gateway, "reload"))
            assert (result.returncode, "reloaded: generation 2" in result.stderr) == (0, True)
            await hammer.more(2 * CLIENTS)
        assert set(hammer.outcomes) == {"good p0", "good p1"}


async def one_of_each_worker(gateway: GatewayProcess) -> list[Connection]:
    """Workers take connections as they please: connect until each has one."""
    pids = [pid for name, pid in gateway.pids().items() if name.startswith("worker-")]
    found: dict[int, Connection] = {}
    for _ in range(2_000):
        connection = await Connection.connect(gateway.url)
        await connection.call(request(method="GET", path="/health/live"))
        owner = next((pid for pid in pids if accepted_by(pid, [connection])), 0)
        if owner and found.setdefault(owner, connection) is connection:
            if len(found) == len(pids):
                return list(found.values())
        else:
            connection.close()
    raise AssertionError(f"only {list(found)} of {pids} took a connection")


async def until_status(connection: Connection, call: bytes, status: int) -> None:
    """Ask until the answer has this status, for a second."""
    deadline = time.monotonic() + WITHIN_S
    while (await connection.call(call)).status != status:
        assert time.monotonic() < deadline, f"still {connection.answer.status} and not {status}"


async def test_a_secret_comes_and_goes_in_every_worker_within_a_second(
    provider: FakeProvider, tmp_path: Path
) -> None:
    with GatewayProcess(config(provider, "p0"), tmp_path) as gateway:
        connections = await one_of_each_worker(gateway)
        async with hammered(gateway) as hammer:
            issued = await in_thread(lambda: run(gateway, "keys", "issue", "vk_test"))
            assert issued.returncode == 0, issued.stderr
            secret = issued.stdout.strip()
            call = request(chat_body(), secret=secret)
            await asyncio.gather(*(until_status(connection, call, 200) for connection in connections))

            fingerprint = issued.stderr.split("new secret ")[1].split()[0]
            revoked = await in_thread(lambda: run(gateway, "keys", "revoke", "--fingerprint", fingerprint))
            assert revoked.returncode == 0, revoked.stderr
            await asyncio.gather(*(until_status(connection, call, 401) for connection in connections))
            for connection in connections:
                assert b'"code":"invalid_virtual_key"' in connection.answer.body
                connection.close()
        # The key's other secret was never touched.
        assert set(hammer.outcomes) == {"good p0"}
