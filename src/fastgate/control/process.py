"""The control process from start to end. The data plane serves on while it is away."""

import asyncio
import signal

from fastgate import tasks
from fastgate.control import socket as control_socket
from fastgate.control.http import control_app
from fastgate.control.messages import ReloadResult
from fastgate.control.publish import Publisher
from fastgate.control.status import StatusReader
from fastgate.control.watch import POLL_S, FileWatcher
from fastgate.downstream.server import Server
from fastgate.launch import ControlLaunch, Lifeline
from fastgate.observability import log
from fastgate.observability.loop_errors import report_loop_errors
from fastgate.observability.metrics import Metrics, directory_of
from fastgate.store import counters as counters_file
from fastgate.store.data_dir import DataDir
from fastgate.store.keys import KeyStore, KeyStoreError, keys_path
from fastgate.store.processes import CONTROL

_CONCURRENT = 16
_STOP_S = 2.0


async def serve(launch: ControlLaunch) -> int:
    """Publish, then answer and watch until told to stop. The result is the exit code."""
    report_loop_errors()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    lifeline = Lifeline(launch.lifeline_fd)
    lifeline.watch(stop.set)
    data_dir = DataDir(launch.data_dir)
    counters = counters_file.attach(data_dir)
    metrics = Metrics(directory_of(data_dir.path), CONTROL, launch.max_series)
    try:
        store = KeyStore(keys_path(data_dir.path))
        listener = control_socket.listen(data_dir.control_socket)
    except (KeyStoreError, OSError) as exc:
        lifeline.report(f"control process: {exc}")
        return 1
    with store:
        reloader = Reloader(Publisher(launch, data_dir, counters, store, metrics))
        # Also after a restart: the configuration may have changed while nobody watched.
        result = reloader.reload()
        if not result.generation:
            lifeline.report(_reasons(result))
            return 1
        app = control_app(reloader.reload, StatusReader(reloader.publisher, counters).read)
        server = Server(
            app, listener.detach(), unix=True, backlog=control_socket.BACKLOG, backpressure=_CONCURRENT
        )
        serving = tasks.spawn(server.serve(), "server")
        watching = tasks.spawn(reloader.watch(), "watch configuration")
        loop.add_signal_handler(signal.SIGHUP, _on_hangup, reloader)
        lifeline.report()
        await stop.wait()
        watching.cancel()
        server.stop()
        await asyncio.wait({serving}, timeout=_STOP_S)
        data_dir.control_socket.unlink(missing_ok=True)
    counters.close()
    return 0


class Reloader:
    """Publishes when it is told to, and when the file changes; once for a change, whoever was first."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        file = publisher.file
        self._watcher = None if file is None else FileWatcher(file)

    def reload(self) -> ReloadResult:
        if self._watcher is not None:
            self._watcher.handled()
        return self.publisher.publish()

    async def watch(self) -> None:
        while self._watcher is not None:
            await asyncio.sleep(POLL_S)
            if self._watcher.poll():
                self.publisher.publish()


def _on_hangup(reloader: Reloader) -> None:
    log.reopen()
    reloader.reload()


def _reasons(result: ReloadResult) -> str:
    return "\n".join(str(diagnostic) for diagnostic in result.diagnostics)
