"""`fastgate serve` as a whole: start, refusals, restarts, reload and the end, with real processes."""

import asyncio
import contextlib
import os
import re
import resource
import shlex
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import trustme
from tests.support.draining import held_stream, open_stream, until_refused
from tests.support.fake_provider import FakeProvider
from tests.support.gateway_process import (
    SECRET,
    GatewayProcess,
    GatewayStartError,
    LogLine,
    gateway_config,
    provider_config,
)
from tests.support.processes import ROOT

_HEADERS = {"authorization": f"Bearer {SECRET}"}


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


def config_for(provider: FakeProvider, **more: Any) -> dict[str, Any]:
    return gateway_config({"local": provider_config(provider.url)}, **more)


def is_ready(gateway: GatewayProcess) -> bool:
    return httpx.get(f"{gateway.url}/health/ready", timeout=10).status_code == 200


def log_line(gateway: GatewayProcess, **fields: Any) -> LogLine:
    """The first such line, waiting for it."""
    return asyncio.run(gateway.log_line(**fields))


class TestStart:
    def test_says_what_a_newcomer_needs(self, tmp_path: Path) -> None:
        """No configuration at all: the printed line works when it is pasted into a shell."""
        with GatewayProcess(None, tmp_path, arguments=("--workers", "1")) as gateway:
            said = "\n".join(gateway.child.stdout.seen)
            assert "ANSWERS ARE SIMULATED" in said
            curl = next(line.strip() for line in gateway.child.stdout.seen if "curl http" in line)
            answer = subprocess.check_output(["sh", "-c", f"{curl} --silent --fail"], text=True, timeout=20)
            assert "simulated answer" in answer
            assert shlex.split(curl)[1].startswith(gateway.url)
            secret = re.search(r"sk-fg-\w+", said)
            assert secret is not None
            for path in gateway.data_dir.rglob("*"):
                if path.is_file():
                    assert secret[0].encode() not in path.read_bytes(), path
            assert secret[0] not in "\n".join(gateway.child.stderr.seen)
            gateway.terminate()
            assert gateway.wait() == 0

    def test_with_only_a_provider_a_key_is_made(self, tmp_path: Path, provider: FakeProvider) -> None:
        config = config_for(provider)
        del config["virtual_keys"]
        with GatewayProcess(config, tmp_path) as gateway:
            said = "\n".join(gateway.child.stdout.seen)
            assert "SIMULATED" not in said
            secret = re.search(r"sk-fg-\w+", said)
            assert secret is not None
            headers = {"authorization": f"Bearer {secret[0]}"}
            assert httpx.get(f"{gateway.url}/v1/models", headers=headers).status_code == 200
            assert "sim" not in gateway.pids()

    def test_configured_it_prints_the_address_and_no_secret(
        self, tmp_path: Path, provider: FakeProvider
    ) -> None:
        with GatewayProcess(config_for(provider), tmp_path) as gateway:
            assert gateway.child.stdout.seen == [f"fastgate ready on {gateway.url} (1 worker)"]
            assert httpx.get(f"{gateway.url}/v1/models", headers=_HEADERS).status_code == 200

    def test_data_is_the_owners_only(self, tmp_path: Path, provider: FakeProvider) -> None:
        with GatewayProcess(config_for(provider), tmp_path) as gateway:
            assert gateway.data_dir.stat().st_mode & 0o777 == 0o700
            for path in gateway.data_dir.rglob("*"):
                assert not path.stat().st_mode & 0o077, path

    def test_tls_on_the_public_port(self, tmp_path: Path, provider: FakeProvider) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
        certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
        tls = {"certificate": str(tmp_path / "certificate.pem"), "key": str(tmp_path / "key.pem")}
        with GatewayProcess(config_for(provider, server={"workers": 1, "tls": tls}), tmp_path) as gateway:
            assert gateway.url.startswith("https://127.0.0.1:")
            context = ssl.create_default_context()
            authority.configure_trust(context)
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                context.minimum_version = context.maximum_version = version
                answer = httpx.get(f"{gateway.url}/v1/models", headers=_HEADERS, verify=context)
                assert answer.status_code == 200

    def test_two_on_one_directory(self, tmp_path: Path, provider: FakeProvider) -> None:
        with GatewayProcess(config_for(provider), tmp_path) as first:
            with pytest.raises(GatewayStartError) as refused, GatewayProcess(None, tmp_path):
                pass
            assert refused.value.code == 1
            pid = first.child.process.pid
            assert f"in use by another fastgate (pid {pid})" in str(refused.value)
            assert "Traceback" not in str(refused.value)
            assert is_ready(first)

    def test_two_on_one_port(self, tmp_path: Path, provider: FakeProvider) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            gateway = GatewayProcess(config_for(provider), tmp_path, arguments=("--port", str(port)))
            with pytest.raises(GatewayStartError, match=f"127.0.0.1:{port} is in use") as refused, gateway:
                pass
            assert refused.value.code == 1

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"sever": {}}, "sever"),
            ({"routes": {"r": [{"deployments": [{"provider": "nobody", "model": "m"}]}]}}, "nobody"),
            ({"server": {"tls": {"certificate": "none.pem", "key": "none.pem"}}}, "server.tls"),
            ({"logging": {"file": "/proc/none/log"}}, "logging.file"),
        ],
    )
    def test_what_is_wrong_is_said_and_ends_it(
        self, tmp_path: Path, provider: FakeProvider, change: dict[str, Any], reason: str
    ) -> None:
        with (
            pytest.raises(GatewayStartError) as refused,
            GatewayProcess({**config_for(provider), **change}, tmp_path),
        ):
            pass
        assert refused.value.code == 1
        assert reason in str(refused.value)
        assert "Traceback" not in str(refused.value)

    def test_a_child_that_never_serves_is_a_refusal(self, tmp_path: Path, provider: FakeProvider) -> None:
        """It dies before it can say why: a broken installation, say."""
        (tmp_path / "sitecustomize.py").write_text(
            "import os, sys\nif 'fastgate.control' in sys.orig_argv:\n    os._exit(7)\n"
        )
        path = f"{tmp_path}{os.pathsep}{ROOT / 'src'}"
        reason = r"fastgate: control ended 3 times before it served \(code 7\): see the log"
        with (
            pytest.raises(GatewayStartError, match=reason) as refused,
            GatewayProcess(config_for(provider), tmp_path, env={"PYTHONPATH": path}),
        ):
            pass
        assert refused.value.code == 1
        assert "Traceback" not in str(refused.value)

    def test_a_damaged_key_store_is_a_refusal(self, tmp_path: Path, provider: FakeProvider) -> None:
        gateway = GatewayProcess(config_for(provider), tmp_path)
        keys = gateway.data_dir / "keys"
        keys.mkdir(parents=True)
        (keys / "data.mdb").write_bytes(b"damaged" * 2_000)
        with pytest.raises(GatewayStartError, match="cannot open the key store") as refused, gateway:
            pass
        assert refused.value.code == 1
        assert "Traceback" not in str(refused.value)

    def test_a_damaged_store_of_responses_is_moved_aside(
        self, tmp_path: Path, provider: FakeProvider
    ) -> None:
        gateway = GatewayProcess(config_for(provider), tmp_path)
        responses = gateway.data_dir / "responses"
        responses.mkdir(parents=True)
        (responses / "data.mdb").write_bytes(b"damaged" * 2_000)
        with gateway:
            assert is_ready(gateway)
            log_line(gateway, message="the store of response owners was damaged")
            assert list(gateway.data_dir.glob("responses.damaged-*"))

    def test_data_directories_that_cannot_be(self, tmp_path: Path) -> None:
        for place, reason in (("/", "root directory"), (f"/tmp/{'x' * 100}", "may have 107")):
            arguments = ("--data-dir", place)
            with (
                pytest.raises(GatewayStartError, match=reason) as refused,
                GatewayProcess(None, tmp_path, arguments=arguments),
            ):
                pass
            assert refused.value.code == 1
            assert "Traceback" not in str(refused.value)

    def test_open_files_up_to_the_hard_limit(self, tmp_path: Path, provider: FakeProvider) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        try:
            with GatewayProcess(config_for(provider), tmp_path) as gateway:
                worker = psutil.Process(gateway.pids()["worker-1"])
                assert worker.rlimit(psutil.RLIMIT_NOFILE) == (hard, hard)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_hang_ups_while_it_starts(self, tmp_path: Path, provider: FakeProvider) -> None:
        gateway = GatewayProcess(config_for(provider), tmp_path)
        ready = threading.Event()

        def storm() -> None:
            while not ready.wait(0.01):
                if gateway._child is not None and gateway.child.descendants():
                    gateway.hang_up()

        storming = threading.Thread(target=storm)
        storming.start()
        try:
            with gateway:
                ready.set()
                storming.join()
                assert is_ready(gateway)
                log_line(gateway, message="configuration is as it was", generation=1)
                assert gateway.log_lines(message="process died; it is started again") == []
                assert gateway.status()["generation"] == 1
        finally:
            ready.set()
            storming.join()

    def test_exposed_without_a_key(self, tmp_path: Path, provider: FakeProvider) -> None:
        config = {**config_for(provider), "virtual_keys": [], "server": {"host": "0.0.0.0"}}
        with (
            pytest.raises(GatewayStartError, match="no virtual key has a usable secret"),
            GatewayProcess(config, tmp_path),
        ):
            pass


class TestRestart:
    def test_a_killed_worker_is_back_within_two_seconds(self, tmp_path: Path, provider: FakeProvider) -> None:
        with GatewayProcess(config_for(provider), tmp_path) as gateway:
            before = time.monotonic()
            dead = gateway.kill("worker-1")
            # The only worker: the request waits in the shared queue, and the new one answers it.
            assert is_ready(gateway)
            assert time.monotonic() - before < 2.0
            assert gateway.pids()["worker-1"] != dead
            line = log_line(gateway, message="process died; it is started again", child="worker-1")
            assert line["level"] == "error"
            assert line["exit"] == "signal SIGKILL"
            restarts = {process["name"]: process["restarts"] for process in gateway.status()["processes"]}
            assert restarts == {"worker-1": 1, "control": 0}
            scrape = gateway.scrape()
            assert scrape.value("fastgate_worker_restarts_total", process="worker-1") == 1

    def test_the_data_plane_serves_without_control(self, tmp_path: Path, provider: FakeProvider) -> None:
        with GatewayProcess(config_for(provider), tmp_path) as gateway:
            control = psutil.Process(gateway.pids()["control"])
            worker = gateway.pids()["worker-1"]
            control.kill()
            assert httpx.get(f"{gateway.url}/v1/models", headers=_HEADERS).status_code == 200
            log_line(gateway, message="configuration is as it was", generation=1)
            pids = gateway.pids()
            assert pids["control"] != control.pid
            assert pids["worker-1"] == worker


class TestReload:
    def models(self, gateway: GatewayProcess) -> set[str]:
        answer = httpx.get(f"{gateway.url}/v1/models", headers=_HEADERS).raise_for_status()
        return {model["id"] for model in answer.json()["data"]}

    @pytest.mark.parametrize("how", ["socket", "signal", "file"])
    def test_new_configuration_is_used(self, tmp_path: Path, provider: FakeProvider, how: str) -> None:
        with GatewayProcess(config_for(provider), tmp_path) as gateway:
            worker = gateway.pids()["worker-1"]
            gateway.write_config(gateway_config({"local": provider_config(provider.url, "another")}))
            if how == "socket":
                assert gateway.reload()["ok"]
            elif how == "signal":
                gateway.hang_up()
            log_line(gateway, message="configuration in use")
            assert "another" in self.models(gateway)
            assert gateway.pids()["worker-1"] == worker

    def test_a_broken_one_changes_nothing_and_is_loud(self, tmp_path: Path, provider: FakeProvider) -> None:
        with GatewayProcess(config_for(provider), tmp_path) as gateway:
            gateway.config_path.write_text("providers: {local: {dialekt: openai}}\nserver: {workers: x}\n")
            result = gateway.reload()
            assert not result["ok"]
            assert result["generation"] == 1
            assert {finding["path"] for finding in result["diagnostics"]} >= {
                "providers.local.dialekt",
                "server.workers",
            }
            line = log_line(gateway, message="configuration refused; the one in use stays")
            assert line["level"] == "error"
            assert any("dialekt" in finding for finding in line["findings"])
            assert "gpt-4o" in self.models(gateway)
            scrape = gateway.until_metric_sync(
                lambda scrape: scrape.value("fastgate_config_reload_failures_total") >= 1
            )
            assert scrape.value("fastgate_config_generation", process="worker-1") == 1
            assert not gateway.status()["last_reload"]["ok"]

    def test_says_which_workers_are_behind(self, tmp_path: Path, provider: FakeProvider) -> None:
        with GatewayProcess(config_for(provider, server={"workers": 2}), tmp_path) as gateway:
            worker = psutil.Process(gateway.pids()["worker-2"])
            worker.suspend()
            more = gateway_config({"local": provider_config(provider.url, "another")}, workers=2)
            gateway.write_config(more)
            result = gateway.control("POST", "/reload")
            assert (result["ok"], result["behind"]) == (True, ["worker-2"])
            generations = {each["name"]: each["generation"] for each in gateway.status()["processes"]}
            assert generations == {"worker-1": 2, "worker-2": 1, "control": 0}
            worker.resume()
            assert gateway.control("POST", "/reload")["behind"] == []

    def test_what_needs_a_restart_is_named(self, tmp_path: Path, provider: FakeProvider) -> None:
        with GatewayProcess(config_for(provider), tmp_path) as gateway:
            config = config_for(provider)
            config["server"] = {"workers": 3, "drain_s": 10}
            config["logging"] = {"level": "debug"}
            gateway.write_config(config)
            result = gateway.reload()
            assert result["ok"]
            assert result["restart_needed"] == ["server.workers", "logging.level"]

    def test_control_socket_knows_two_paths(self, tmp_path: Path, provider: FakeProvider) -> None:
        with GatewayProcess(config_for(provider), tmp_path) as gateway:
            transport = httpx.HTTPTransport(uds=str(gateway.data_dir / "control.sock"))
            with httpx.Client(transport=transport, base_url="http://control") as client:
                assert client.get("/").status_code == 404
                refused = client.get("/reload")
                assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


class TestEnd:
    def test_a_signal_lets_streams_finish(self, tmp_path: Path, provider: FakeProvider) -> None:
        gate = held_stream(provider)
        with GatewayProcess(config_for(provider), tmp_path) as gateway, open_stream(gateway.url) as lines:
            gateway.terminate()
            until_refused(gateway.url)
            gate.open()
            assert "data: [DONE]" in list(lines)
            assert gateway.wait() == 0

    @pytest.mark.parametrize("gap_s", [0, 0.01, 0.05])
    @pytest.mark.parametrize("first", ["supervisor", "children"])
    def test_a_signal_to_every_process_lets_streams_finish(
        self, tmp_path: Path, provider: FakeProvider, gap_s: float, first: str
    ) -> None:
        """As systemd does it (KillMode=control-group), in whatever order."""
        gate = held_stream(provider)
        config = config_for(provider, server={"workers": 2, "drain_s": 20})
        with GatewayProcess(config, tmp_path) as gateway, open_stream(gateway.url) as lines:
            children = [process.pid for process in gateway.child.descendants()]
            supervisor = [gateway.child.process.pid]
            for pid in supervisor + children if first == "supervisor" else children + supervisor:
                with contextlib.suppress(ProcessLookupError):  # without a stream it may have ended
                    os.kill(pid, signal.SIGTERM)
                time.sleep(gap_s)
            until_refused(gateway.url)
            gate.open()
            assert "data: [DONE]" in list(lines)
            assert gateway.wait() == 0
            assert gateway.log_lines(level="error") == []
            assert gateway.log_lines(level="warning") == []

    def test_a_signal_to_every_process_with_simulated_answers(self, tmp_path: Path) -> None:
        """What workers need until they have drained stays until then."""
        with GatewayProcess(None, tmp_path, arguments=("--workers", "1")) as gateway:
            pids = gateway.pids()
            for name in ("sim", "control"):
                os.kill(pids[name], signal.SIGTERM)
            assert is_ready(gateway)
            assert gateway.pids() == pids
            gateway.terminate()
            assert gateway.wait() == 0
            assert gateway.log_lines(level="error") == []

    def test_a_second_signal_does_not_wait(self, tmp_path: Path, provider: FakeProvider) -> None:
        held_stream(provider)
        config = config_for(provider, server={"workers": 1, "drain_s": 3_600})
        with GatewayProcess(config, tmp_path) as gateway, open_stream(gateway.url) as lines:
            gateway.child.signal(signal.SIGINT)
            until_refused(gateway.url)
            gateway.child.signal(signal.SIGINT)
            assert gateway.wait(10) == 0
            assert any('"error"' in line for line in lines)

    def test_nothing_outlives_a_killed_supervisor(self, tmp_path: Path) -> None:
        with GatewayProcess(None, tmp_path, arguments=("--workers", "2")) as gateway:
            children = gateway.child.descendants()
            assert len(children) == 4
            os.kill(gateway.child.process.pid, signal.SIGKILL)
            _, alive = psutil.wait_procs(children, timeout=8)
            assert not alive

    def test_starts_again_after_a_kill(self, tmp_path: Path, provider: FakeProvider) -> None:
        """While the killed one's worker still finishes a stream: it is waited for."""
        gate = held_stream(provider)
        config = config_for(provider)
        with GatewayProcess(config, tmp_path) as killed, open_stream(killed.url) as lines:
            os.kill(killed.child.process.pid, signal.SIGKILL)
            until_refused(killed.url)
            gate.open()
            with GatewayProcess(config, tmp_path) as gateway:
                assert is_ready(gateway)
            assert "data: [DONE]" in list(lines)
