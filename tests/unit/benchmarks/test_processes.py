"""What the suite sees of a tree of processes."""

import sys
from pathlib import Path

import psutil
import pytest
from benchmarks.suite import processes

PARENT = """
import socket, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; x = bytes(50_000_000); time.sleep(60)"])
sum(i * i for i in range(2_000_000))
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
child.wait()
"""


def test_a_tree_is_measured_whole_and_ended_whole(tmp_path: Path) -> None:
    port = processes.free_port()
    with processes.running([sys.executable, "-c", PARENT, str(port)], tmp_path / "log") as process:
        processes.wait_for(port, process, 20)
        tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        assert len(tree) == 2
        assert processes.listener(port) == process.pid
        used = processes.memory(process.pid)
        assert used.rss >= used.pss > psutil.Process(process.pid).memory_full_info().pss
        assert sum(processes.cpu_by_role(process.pid).values()) >= 0.05
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in tree)


def test_python_is_told_apart_by_the_module_that_it_runs(tmp_path: Path) -> None:
    port = processes.free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with processes.running(command, tmp_path / "log") as process:
        processes.wait_for(port, process, 20)
        assert list(processes.cpu_by_role(process.pid)) == ["http.server"]


def test_one_that_ends_before_it_listens_is_not_waited_for(tmp_path: Path) -> None:
    command = [sys.executable, "-c", r"print('\x1b[31mwhat is wrong\x1b[0m\n'); raise SystemExit(3)"]
    with processes.running(command, tmp_path / "log") as process:
        with pytest.raises(ChildProcessError, match="ended with 3"):
            processes.wait_for(processes.free_port(), process, 20)
        assert processes.last_line(tmp_path / "log") == "what is wrong"


def test_one_that_never_listens_is_given_up(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        processes.running(command, tmp_path / "log") as process,
        pytest.raises(TimeoutError, match="does not listen"),
    ):
        processes.wait_for(processes.free_port(), process, 0.05)
