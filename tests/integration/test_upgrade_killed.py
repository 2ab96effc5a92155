"""Upgrades that fail, at each step: the gateway that was to be replaced goes on as if nothing had been."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tests.support.draining import held_stream, open_stream
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import (
    SECRET,
    GatewayProcess,
    GatewayStartError,
    gateway_config,
    provider_config,
)
from tests.support.processes import ROOT, ChildProcess, fastgate_command, in_thread, python_environment

from fastgate.supervisor.succession import MAX_MESSAGE, Begin, Message, Offer, Ready, decode, encode

_HEADERS = {"authorization": f"Bearer {SECRET}"}
_BACK_S = 15.0


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def config_for(provider: FakeProvider, **more: Any) -> dict[str, Any]:
    return gateway_config({"local": provider_config(provider.url)}, **more)


def successor(gateway: GatewayProcess, *arguments: str, **env: str) -> GatewayProcess:
    return GatewayProcess(None, gateway.directory, arguments=("--replace", *arguments), env=env)


def answers(gateway: GatewayProcess) -> bool:
    return httpx.get(f"{gateway.url}/v1/models", headers=_HEADERS, timeout=10).status_code == 200


def goes_on(gateway: GatewayProcess, pids: dict[str, int]) -> None:
    """With the same workers, and a control process; and it can still be replaced."""
    asyncio.run(gateway.log_line(_BACK_S, message="configuration is as it was"))
    asyncio.run(_forgotten(gateway, pids))
    assert answers(gateway)
    with successor(gateway) as new:
        assert new.url == gateway.url
        assert gateway.wait() == 0
        assert answers(new)


async def _forgotten(gateway: GatewayProcess, pids: dict[str, int]) -> None:
    """The workers of the one that has failed, once they have ended."""
    async with asyncio.timeout(_BACK_S):
        while {**await in_thread(gateway.pids), "control": 0} != {**pids, "control": 0}:  # noqa: ASYNC110 (of others)
            await asyncio.sleep(0.02)


@contextmanager
def stranger(gateway: GatewayProcess) -> Iterator[Callable[[Message | None], Message | None]]:
    """A successor that says what the test wants."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(10)
        connection.connect(str(gateway.data_dir / "upgrade.sock"))

        def say(message: Message | None) -> Message | None:
            if message is not None:
                connection.send(encode(message))
            return decode(connection.recv(MAX_MESSAGE))

        yield say


@pytest.mark.slow
def test_one_that_only_looks_changes_nothing(tmp_path: Path, provider: FakeProvider) -> None:
    with GatewayProcess(config_for(provider), tmp_path) as gateway:
        pids = gateway.pids()
        with stranger(gateway) as say:
            offer = say(None)
            assert isinstance(offer, Offer)
            assert offer.settings["server.host"] == "127.0.0.1"
        assert gateway.pids() == pids
        assert answers(gateway)


def test_one_that_is_gone_once_the_control_process_is(tmp_path: Path, provider: FakeProvider) -> None:
    with GatewayProcess(config_for(provider), tmp_path) as gateway:
        pids = gateway.pids()
        with stranger(gateway) as say:
            assert isinstance(say(None), Offer)
            assert isinstance(say(Begin("9.9")), Ready)
            assert not psutil.pid_exists(pids["control"])
            assert answers(gateway)
        goes_on(gateway, pids)


# It stands still where a process of the successor's starts, so that the test can kill it there.
_STANDS_STILL = """
import os, sys, time
if {module!r} in sys.orig_argv:
    open(os.environ["REACHED"], "w").close()
    time.sleep(3)
    os._exit(7)
"""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["fastgate.control", "fastgate.app"])
def test_one_that_is_killed_as_it_starts(tmp_path: Path, provider: FakeProvider, module: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_STANDS_STILL.format(module=module))
    reached = tmp_path / "reached"
    with GatewayProcess(config_for(provider), tmp_path) as gateway:
        pids = gateway.pids()
        place = ("--config", str(gateway.config_path), "--port", "0", "--data-dir", str(gateway.data_dir))
        environment = python_environment(
            {"PYTHONPATH": f"{site}{os.pathsep}{ROOT / 'src'}", "REACHED": str(reached)}
        )
        killed = ChildProcess(fastgate_command("serve", *place, "--replace"), environment, tmp_path)
        asyncio.run(gateway.log_line(_BACK_S, message="a successor starts; workers serve on"))
        asyncio.run(_until(reached.exists))
        killed.signal(signal.SIGKILL)
        killed.wait()
        asyncio.run(gateway.log_line(_BACK_S, message="the successor does not serve; this gateway goes on"))
        goes_on(gateway, pids)


@pytest.mark.slow
def test_what_one_that_fails_has_accepted_is_finished(tmp_path: Path, provider: FakeProvider) -> None:
    """Its first worker serves, and its second never will."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'fastgate.app' in sys.orig_argv and '\"index\":2,' in sys.orig_argv[-1]:\n"
        "    os._exit(7)\n"
    )
    gate = held_stream(provider)
    with GatewayProcess(config_for(provider), tmp_path) as gateway:
        pids = gateway.pids()
        place = ("--config", str(gateway.config_path), "--port", "0", "--data-dir", str(gateway.data_dir))
        environment = python_environment({"PYTHONPATH": f"{site}{os.pathsep}{ROOT / 'src'}"})
        old_worker = psutil.Process(pids["worker-1"])
        old_worker.suspend()  # what is accepted from now on is the new worker's
        try:
            new = ChildProcess(
                fastgate_command("serve", *place, "--workers", "2", "--replace"), environment, tmp_path
            )
            with open_stream(gateway.url) as lines:
                old_worker.resume()
                goes_on = "the successor does not serve; this gateway goes on"
                asyncio.run(gateway.log_line(_BACK_S, message=goes_on))
                asyncio.run(gateway.log_line(_BACK_S, message="configuration is as it was"))
                gate.open()
                assert "data: [DONE]" in list(lines)
        finally:
            old_worker.resume()
        assert new.wait() == 1
        asyncio.run(_forgotten(gateway, pids))
        assert answers(gateway)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_BACK_S):
        while not condition():  # noqa: ASYNC110 (a file that another process makes)
            await asyncio.sleep(0.02)


@pytest.mark.slow
def test_the_old_one_is_killed_after_it_has_handed_over(tmp_path: Path, provider: FakeProvider) -> None:
    """Its workers end as orphans do, and are forgotten."""
    with GatewayProcess(config_for(provider), tmp_path) as gateway:
        gate = held_stream(provider)
        with open_stream(gateway.url) as lines, successor(gateway) as new:
            gateway.child.signal(signal.SIGKILL)
            gate.open()
            assert "data: [DONE]" in list(lines)
            asyncio.run(new.log_line(_BACK_S, message="the predecessor has ended"))
            assert answers(new)
            assert new.pids().keys() == {"worker-2", "control"}
            new.terminate()
            assert new.wait() == 0


@pytest.mark.slow
def test_the_old_one_is_told_to_stop_while_it_drains(tmp_path: Path, provider: FakeProvider) -> None:
    """As by a service manager, which tells every process: that is no reason to hurry."""
    with GatewayProcess(config_for(provider), tmp_path) as gateway:
        gate = held_stream(provider)
        (worker,) = (pid for name, pid in gateway.pids().items() if name == "worker-1")
        with open_stream(gateway.url) as lines, successor(gateway):
            for pid in (gateway.child.process.pid, worker):
                os.kill(pid, signal.SIGTERM)
            asyncio.run(gateway.log_line(_BACK_S, message="stopping: open requests may finish"))
            with pytest.raises(psutil.TimeoutExpired):
                psutil.Process(worker).wait(0.5)
            gate.open()
            assert "data: [DONE]" in list(lines)
            assert gateway.wait() == 0


@pytest.mark.slow
def test_the_old_one_is_killed_while_the_new_one_starts(tmp_path: Path, provider: FakeProvider) -> None:
    """It has the socket: it goes on, and is the gateway."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "if 'fastgate.app' in sys.orig_argv and 'OLD' in os.environ:\n"
        "    os.kill(int(os.environ.pop('OLD')), signal.SIGKILL)\n"
    )
    with GatewayProcess(config_for(provider), tmp_path) as gateway:
        env = {
            "PYTHONPATH": f"{site}{os.pathsep}{ROOT / 'src'}",
            "OLD": str(gateway.child.process.pid),
        }
        with successor(gateway, **env) as new:
            assert new.url == gateway.url
            assert answers(new)
            asyncio.run(new.log_line(_BACK_S, message="the predecessor has ended"))
            new.terminate()
            assert new.wait() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"server": {"host": "127.0.0.2"}}, "server.host"),
        ({"ledger": {"url": "sqlite:////tmp/another.db"}}, "ledger.url"),
        ({"server": {"tls": {"certificate": "none.pem", "key": "none.pem"}}}, "server.tls"),
        ({"routes": {"r": [{"deployments": [{"provider": "nobody", "model": "m"}]}]}}, "nobody"),
    ],
)
def test_what_cannot_be_taken_over_is_refused(
    tmp_path: Path, provider: FakeProvider, change: dict[str, Any], reason: str
) -> None:
    with GatewayProcess(config_for(provider), tmp_path) as gateway:
        pids = gateway.pids()
        new = successor(gateway)
        new.write_config({**config_for(provider), **change})
        with pytest.raises(GatewayStartError, match=reason) as refused, new:
            pass
        assert refused.value.code == 1
        assert "Traceback" not in str(refused.value)
        assert gateway.pids().items() >= {(name, pid) for name, pid in pids.items() if name != "control"}
        assert answers(gateway)


def test_another_port_is_refused(tmp_path: Path, provider: FakeProvider) -> None:
    with GatewayProcess(config_for(provider), tmp_path) as gateway:
        pids = gateway.pids()
        with pytest.raises(GatewayStartError, match=r"server\.port") as refused:
            successor(gateway, "--port", "1").__enter__()
        assert refused.value.code == 1
        assert gateway.pids() == pids


@pytest.mark.slow
def test_with_nothing_to_replace_it_serves(tmp_path: Path, provider: FakeProvider) -> None:
    with GatewayProcess(config_for(provider), tmp_path, arguments=("--replace",)) as gateway:
        assert answers(gateway)


@pytest.mark.slow
def test_a_ready_made_key_stays(tmp_path: Path) -> None:
    """Nobody has written it down: clients go on with it."""
    with GatewayProcess(None, tmp_path, arguments=("--workers", "1")) as gateway:
        said = next(line for line in gateway.child.stdout.seen if "Virtual key" in line)
        with successor(gateway, "--workers", "1") as new:
            assert said in new.child.stdout.seen
            assert gateway.wait() == 0


def test_a_signal_starts_the_successor(tmp_path: Path, provider: FakeProvider) -> None:
    """And the service manager is told who that is."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(_BACK_S)
        with GatewayProcess(config_for(provider), tmp_path, env={"NOTIFY_SOCKET": address}) as gateway:
            assert manager.recv(4096) == b"READY=1"
            for each in (*gateway.pids().values(), gateway.child.process.pid):  # as one who tells all of them
                os.kill(each, signal.SIGUSR2)
            assert manager.recv(4096).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            name, _, pid = manager.recv(4096).partition(b"\n")[0].partition(b"=")
            assert name == b"MAINPID"
            new = psutil.Process(int(pid))
            try:
                assert gateway.child.process.wait(30) == 0
                assert gateway.log_lines(level="error") == []
                assert answers(gateway)
                assert gateway.status()["pid"] == new.pid
            finally:
                new.terminate()
                new.wait(20)
