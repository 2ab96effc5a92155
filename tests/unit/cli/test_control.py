"""`fastgate reload` and `status` against a control socket that says what the test scripts."""

import fcntl
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.support.processes import ChildProcess, fastgate_command, python_environment
from tests.unit.cli.conftest import Run

from fastgate.config.diagnostics import Diagnostic, Severity
from fastgate.control.messages import (
    CredentialStatus,
    DeploymentStatus,
    ProcessStatus,
    ReloadResult,
    Status,
)
from fastgate.store.data_dir import DataDir

STATUS = Status(
    version="9.9.9",
    pid=4242,
    generation=7,
    uptime_s=3_725.0,
    in_flight=3,
    processes=(
        ProcessStatus(
            name="worker-0", pid=4243, restarts=2, uptime_s=61.0, rss_bytes=64 * 1024 * 1024, generation=6
        ),
        ProcessStatus(name="control", pid=0, restarts=1, uptime_s=0.0, rss_bytes=0),
    ),
    deployments=(
        DeploymentStatus(
            id="openai/gpt-4o",
            provider="openai",
            breaker="half_open",
            cooldown_s=1.5,
            in_flight=3,
            latency_ms=212.4,
        ),
        DeploymentStatus(
            id="local/[bold]x", provider="local", breaker="closed", cooldown_s=0, in_flight=0, latency_ms=0
        ),
    ),
    credentials=(CredentialStatus(provider="openai", id="spare", state="cooling_down", cooldown_s=9.0),),
)
FINDING = Diagnostic(
    severity=Severity.ERROR, file="fastgate.yaml", line=3, path="server.port", message="expected a number"
)


class Control(socketserver.ThreadingUnixStreamServer):
    """Answers each request with `answer`, and remembers the request line."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.answer = b""
        self.cut_off = False
        self.lock = path.parent / "lock"
        self.requests: list[str] = []
        self.asked_twice = threading.Event()
        super().__init__(str(path), _Handler)


class _Handler(socketserver.StreamRequestHandler):
    server: Control

    def handle(self) -> None:
        self.server.requests.append(self.rfile.readline().decode().strip())
        if len(self.server.requests) >= 2:
            self.server.asked_twice.set()
        while self.rfile.readline().strip():
            pass
        if self.server.cut_off:
            return
        body = self.server.answer
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    data_dir = DataDir(tmp_path / "fastgate-data")
    data_dir.create()
    with Control(data_dir.control_socket) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_status_is_a_table_of_everything(run: Run, control: Control) -> None:
    control.answer = msgspec.json.encode(STATUS)
    done = run("status")
    assert (done.returncode, done.stderr) == (0, "")
    assert control.requests == ["GET /status HTTP/1.1"]
    lines = [line.split() for line in done.stdout.splitlines()]
    for expected in (
        "fastgate 9.9.9 up 1:02:05 pid 4242 generation 7 3 in flight",
        "openai/gpt-4o openai half open 1.5 s 3 212 ms",
        "local/[bold]x local closed - 0 -",
        "spare openai cooling down 9.0 s",
        "worker-0 4243 0:01:01 2 64 MiB 6",
        "control down - 1 - -",
    ):
        assert expected.split() in lines


def test_watch_asks_again_and_again_until_it_is_interrupted(control: Control, tmp_path: Path) -> None:
    control.answer = msgspec.json.encode(STATUS)
    child = ChildProcess(fastgate_command("status", "--watch"), python_environment(), tmp_path)
    try:
        assert control.asked_twice.wait(20), child.output()
        child.signal(signal.SIGINT)
        assert child.wait() == 130
        assert child.stderr.seen == []
        assert "fastgate 9.9.9" in child.output()
    finally:
        child.stop()


def test_status_as_json_is_what_the_control_process_said(run: Run, control: Control) -> None:
    control.answer = msgspec.json.encode(STATUS)
    done = run("status", "--json")
    assert msgspec.json.decode(done.stdout, type=Status) == STATUS


def test_status_shows_that_the_last_reload_failed(run: Run, control: Control) -> None:
    failed = ReloadResult(ok=False, generation=7, diagnostics=(FINDING,))
    control.answer = msgspec.json.encode(msgspec.structs.replace(STATUS, last_reload=failed))
    assert "the last reload failed; generation 7 goes on:\n  fastgate.yaml:3: error" in run("status").stdout


def test_a_reload_that_worked(run: Run, control: Control) -> None:
    control.answer = msgspec.json.encode(
        ReloadResult(ok=True, generation=8, restart_needed=("server.port",), behind=("worker-2",))
    )
    done = run("reload")
    assert (done.returncode, done.stdout) == (0, "")
    assert control.requests == ["POST /reload HTTP/1.1"]
    assert done.stderr.splitlines() == [
        "server.port takes effect only when the gateway is started again",
        "worker-2 goes on with an older generation and tries again: its log lines say why",
        "reloaded: generation 8",
    ]


def test_a_reload_that_was_refused(run: Run, control: Control) -> None:
    control.answer = msgspec.json.encode(ReloadResult(ok=False, generation=7, diagnostics=(FINDING,)))
    done = run("reload")
    assert done.returncode == 1
    assert done.stdout == "fastgate.yaml:3: error: server.port: expected a number\n"
    assert done.stderr == "not reloaded: the gateway goes on with generation 7\n"


def test_a_broken_configuration_is_not_in_the_way_of_a_reload(
    run: Run, control: Control, tmp_path: Path
) -> None:
    (tmp_path / "fastgate.yaml").write_text("server: {port: many}\nproviders: {openai: {}}\n")
    control.answer = msgspec.json.encode(ReloadResult(ok=False, generation=7, diagnostics=(FINDING,)))
    assert run("reload").returncode == 1
    assert control.requests == ["POST /reload HTTP/1.1"]


@pytest.mark.parametrize("answer", [b"", b"<html>", b'{"ok": 1}'])
def test_an_answer_that_makes_no_sense_is_one_line(run: Run, control: Control, answer: bytes) -> None:
    control.answer = answer
    done = run("reload")
    assert done.returncode == 1
    assert done.stderr.startswith("fastgate: the control process answered what this version cannot read")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("leave", [lambda path: None, lambda path: path.write_bytes(b"")])
def test_without_a_gateway_it_is_said_which_directory_was_meant(
    run: Run, tmp_path: Path, leave: Callable[[Path], None]
) -> None:
    data_dir = DataDir(tmp_path / "somewhere")
    data_dir.create()
    leave(data_dir.control_socket)
    done = run("status", "--data-dir", str(data_dir.path))
    assert done.returncode == 1
    assert done.stderr == f"fastgate: no gateway is running with the data directory {data_dir.path}\n"


@pytest.mark.parametrize("command", ["status", "reload"])
def test_while_the_control_process_is_restarted_the_gateway_is_not_said_to_be_gone(
    run: Run, tmp_path: Path, command: str
) -> None:
    data_dir = DataDir(tmp_path / "somewhere")
    data_dir.create()
    with open(data_dir.lock, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run(command, "--data-dir", str(data_dir.path))
    assert done.returncode == 1
    assert done.stderr == (
        "fastgate: the gateway runs, but its control process is not there: it is being (re)started; "
        "try again\n"
    )


def test_a_control_process_that_dies_over_a_question_is_one_line(run: Run, control: Control) -> None:
    control.answer = b"x" * 10
    control.cut_off = True
    with open(control.lock, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run("reload")
    assert done.returncode == 1
    assert done.stderr.startswith("fastgate: the gateway runs, but its control process is not there")
    assert len(done.stderr.splitlines()) == 1
