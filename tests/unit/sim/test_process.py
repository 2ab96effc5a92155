"""The simulated provider as a process: how it starts, breaks answers, and ends."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from tests.support.processes import ROOT, ChildProcess, python_environment
from tests.support.sim_process import SimProcess

from fastgate.sim.__main__ import parse
from fastgate.sim.options import SimOptions

BODY = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
STREAM = {**BODY, "stream": True}


@pytest.fixture(scope="module")
def sim() -> Iterator[SimProcess]:
    with SimProcess() as sim:
        yield sim


def post(sim: SimProcess, body: object, fault: str, timeout: float = 5.0) -> httpx.Response:
    url = f"{sim.base_url}/chat/completions"
    return httpx.post(url, json=body, headers={"x-sim": fault}, timeout=timeout)


@pytest.mark.parametrize("body", [BODY, STREAM])
def test_a_cut_answer_is_seen_as_incomplete(sim: SimProcess, body: object) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match=r"without sending complete|incomplete chunked"):
        post(sim, body, "cut=1")


@pytest.mark.parametrize("body", [BODY, STREAM])
def test_a_stalled_answer_stays_open(sim: SimProcess, body: object) -> None:
    with pytest.raises(httpx.ReadTimeout):
        post(sim, body, "stall=1", timeout=0.3)


def test_time_to_first_token_and_speed(sim: SimProcess) -> None:
    started = time.monotonic()
    headers = {"x-sim": "ttft_ms=400,tokens_per_s=50,tokens=6"}
    with httpx.stream("POST", f"{sim.base_url}/chat/completions", json=STREAM, headers=headers) as response:
        pieces = (line for line in response.iter_lines() if '"content":"' in line)
        times = [time.monotonic() - started for _ in pieces]
    role, first, *_, last = times
    assert first >= 0.4
    assert first - role > 0.1, "the role comes with the headers"
    assert last >= 0.4 + 5 * 0.02


def test_a_plain_answer_takes_as_long_as_its_tokens(sim: SimProcess) -> None:
    started = time.monotonic()
    post(sim, BODY, "ttft_ms=100,tokens_per_s=100,tokens=20")
    assert time.monotonic() - started >= 0.3


def test_it_says_what_it_is_and_ends_in_order() -> None:
    with SimProcess() as sim:
        assert "SIMULATED" in sim.child.stdout.seen[0]
        sim.child.signal(signal.SIGTERM)
        assert sim.child.wait() == 0
        assert sim.child.stderr.seen == []


def test_an_open_stall_does_not_hold_up_the_end() -> None:
    with SimProcess() as sim:
        stream = httpx.stream(
            "POST", f"{sim.base_url}/chat/completions", json=STREAM, headers={"x-sim": "stall=1"}
        )
        with stream as response:
            assert response.status_code == 200
            sim.child.signal(signal.SIGTERM)
            assert sim.child.wait(10) == 0


def test_several_workers_serve_one_socket() -> None:
    with SimProcess("--workers", "2") as sim:
        workers = {post(sim, BODY, "tokens=1").json()["id"].split("x")[0] for _ in range(60)}
        assert len(workers) == 2
        sim.child.signal(signal.SIGTERM)
        assert sim.child.wait() == 0


def test_a_worker_that_dies_ends_them_all() -> None:
    with SimProcess("--workers", "2") as sim:
        sim.child.descendants()[0].kill()
        assert sim.child.wait() == 1


def test_it_ends_with_the_parent_that_holds_its_lifeline() -> None:
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "fastgate.sim"]
        command += ["--fd", str(listener.fileno()), "--lifeline-fd", str(theirs.fileno())]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=python_environment(),
            pass_fds=(listener.fileno(), theirs.fileno()),
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        ours.settimeout(10)
        assert ours.recv(100) == b'{"error":""}\n'
        port = listener.getsockname()[1]
        assert httpx.get(f"http://127.0.0.1:{port}/").json()["simulated"] is True
        ours.close()
        assert process.wait(10) == 0


def test_a_port_in_use_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = [sys.executable, "-m", "fastgate.sim", "--port", str(taken.getsockname()[1])]
        child = ChildProcess(command, python_environment(), ROOT)
        assert child.wait() == 1
        (line,) = child.stderr.seen
        assert line.startswith("fastgate sim: cannot listen: ")
        assert "Address already in use" in line


def test_flags() -> None:
    flags = ["--ttft-ms", "2.5", "--models", "a,b", "--workers", "3", "--key", "k"]
    assert parse(flags) == SimOptions(ttft_ms=2.5, models=("a", "b"), workers=3, key="k")


@pytest.mark.parametrize("flags", [["--workers", "0"], ["--jitter", "2"], ["--tokens", "x"], ["--nope"]])
def test_wrong_flags(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parse(flags)
    assert raised.value.code == 2
    assert "error:" in capsys.readouterr().err
