"""One real worker, with the test in the place of its supervisor."""

import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import yaml
from tests.support.edges import EDGE
from tests.support.processes import Lines, python_environment

from fastgate._core.shm import SharedSlots
from fastgate.config.load import load
from fastgate.control.books import Books
from fastgate.control.compile import compile_here
from fastgate.control.publish import Publisher
from fastgate.launch import ControlLaunch, Embedded, Report, WorkerLaunch, encode
from fastgate.observability.metrics import Metrics, fresh_directory
from fastgate.store import counters as counters_file
from fastgate.store import processes
from fastgate.store.counters import Header
from fastgate.store.data_dir import DataDir
from fastgate.store.keys import KeyStore, keys_path
from fastgate.store.ledger.database import LedgerDatabase


class Published:
    """A data directory with a published configuration, as the supervisor and control leave it."""

    def __init__(
        self,
        directory: Path,
        config: Mapping[str, Any],
        embedded: Embedded | None = None,
        running: Mapping[str, Any] | None = None,
    ) -> None:
        self.data_dir = DataDir(directory / "data")
        self.data_dir.create()
        self.config_path = directory / "fastgate.yaml"
        self.write_config(config)
        self.counters: SharedSlots = counters_file.create(self.data_dir)
        self.store = KeyStore(keys_path(self.data_dir.path))
        self._launch = ControlLaunch(
            data_dir=str(self.data_dir.path),
            lifeline_fd=-1,
            handed_fd=-1,
            config_path=str(self.config_path),
            embedded=embedded or Embedded(),
            running=dict(running or {}),
        )
        self.metrics = Metrics(fresh_directory(self.data_dir.path), "control", 1_000)
        # In this process, as the compilation is, to be spared the second that two children take.
        LedgerDatabase.open(None, self.data_dir.path).close()
        self._begin(fresh=True)

    def _begin(self, *, fresh: bool) -> None:
        self.books = Books(self.data_dir, self.metrics, fresh=fresh)
        self.publisher = Publisher(
            self._launch,
            self.data_dir,
            self.counters,
            self.store,
            self.books,
            metrics=self.metrics,
            compile_=compile_here,
        )

    def restart(self, *, fresh: bool) -> None:
        """The control process comes back after its death; `fresh`: the whole gateway does."""
        self.books.close()
        if fresh:
            self.counters.close()
            self.counters = counters_file.create(self.data_dir)
        self._begin(fresh=fresh)

    def write_config(self, config: Mapping[str, Any]) -> None:
        self.config_path.write_text(yaml.safe_dump(dict(config), sort_keys=False))

    def settings(self) -> Any:
        return load(self.config_path, {})

    def generations(self) -> dict[str, int]:
        """What each process says that it runs on."""
        self.counters.header_store(Header.WORKERS, 1)
        return {process.name: process.generation for process in processes.all_of(self.counters)}

    def close(self) -> None:
        self.books.close()
        self.store.close()
        self.counters.close()


class WorkerProcess:
    """`python -m fastgate.app` on a free loopback port, with a lifeline that the test holds."""

    def __init__(self, published: Published, *, drain_s: float = 10.0, flags: Sequence[str] = ()) -> None:
        self._published = published
        self._drain_s = drain_s
        self._flags = flags
        self.url = ""

    def __enter__(self) -> Self:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self.lifeline, theirs = socket.socketpair()
            with theirs:
                launch = WorkerLaunch(
                    index=0,
                    data_dir=str(self._published.data_dir.path),
                    listen_fd=listener.fileno(),
                    lifeline_fd=theirs.fileno(),
                    edge=EDGE,
                    backlog=128,
                    max_concurrent_requests=1_000,
                    keep_alive_s=75.0,
                    head_timeout_s=30.0,
                    drain_s=self._drain_s,
                )
                self.process = subprocess.Popen(
                    [sys.executable, *self._flags, "-m", "fastgate.app", encode(launch)],
                    env=python_environment(),
                    pass_fds=(listener.fileno(), theirs.fileno()),
                    stderr=subprocess.PIPE,
                )
        assert self.process.stderr is not None
        self.stderr = Lines(self.process.stderr)
        return self

    def report(self, timeout: float = 20.0) -> Report:
        """What it says on its lifeline."""
        self.lifeline.settimeout(timeout)
        received = b""
        while not received.endswith(b"\n"):
            piece = self.lifeline.recv(65_536)
            assert piece, "the worker ended without a report:\n" + "\n".join(self.stderr.seen)
            received += piece
        return msgspec.json.decode(received, type=Report)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def abandon(self) -> None:
        """What the worker sees when its supervisor is killed."""
        self.lifeline.close()

    def wait(self, timeout: float = 20.0) -> int:
        code = self.process.wait(timeout)
        self.stderr.join()
        return code

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lifeline.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.stderr.join()
