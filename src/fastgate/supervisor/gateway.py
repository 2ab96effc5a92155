"""A running gateway: its listening socket, its children, and the signals that it obeys."""

import asyncio
import os
import signal
import socket
import ssl
from pathlib import Path

from fastgate import tasks
from fastgate.config.server_settings import Tls
from fastgate.config.settings import Settings
from fastgate.observability import log
from fastgate.observability.loop_errors import report_loop_errors
from fastgate.store import counters as counters_file
from fastgate.store import snapshot as snapshot_file
from fastgate.store.data_dir import DataDir
from fastgate.supervisor.announce import announce
from fastgate.supervisor.commands import Commands
from fastgate.supervisor.cores import usable_cores
from fastgate.supervisor.errors import StartError
from fastgate.supervisor.family import Family
from fastgate.supervisor.listener import listen, local_url_of, url_of
from fastgate.supervisor.lock import Lock
from fastgate.supervisor.registry import Registry
from fastgate.supervisor.standin import StandIn, prepare


class Gateway:
    """Made under the lock of its data directory."""

    def __init__(
        self, settings: Settings, handed_fd: int, config_path: Path | None, data_dir: DataDir, lock: Lock
    ) -> None:
        self._settings = settings
        self._handed_fd = handed_fd
        self._config_path = config_path
        self._data_dir = data_dir
        self._lock = lock
        self._workers = settings.server.workers or usable_cores()
        self._stopping = asyncio.Event()
        self._now = asyncio.Event()
        self._defect = False

    async def run(self) -> int:
        """Serve until a signal. 0: ended in order. StartError: it never served."""
        server = self._settings.server
        report_loop_errors(then=self._give_up)
        if server.tls is not None:
            _check(server.tls)
        try:
            counters = counters_file.create(self._data_dir)
            registry = Registry(
                counters, self._data_dir.path, self._settings.metrics.max_series, self._workers
            )
        except OSError as exc:
            raise StartError(f"data_dir: cannot use {self._data_dir.path}: {exc.strerror}") from exc
        with listen(server.host, server.port, server.backlog) as listener:
            standin = prepare(self._settings, self._config_path, os.environ)
            family = self._family(listener, standin, registry)
            self._obey_signals(family)
            family.start()
            refusal = await self._until_ready(family)
            if not refusal and not self._stopping.is_set():
                self._announce(listener, standin)
                await self._stopping.wait()
        if not refusal:
            log.event("info", "stopping: open requests may finish", drain_s=server.drain_s)
        orderly = await family.drain(server.drain_s, self._now)
        if standin.listener is not None:
            standin.listener.close()
        counters.close()
        if refusal:
            raise StartError(refusal)
        log.event("info", "stopped", orderly=orderly)
        return 0 if orderly and not self._defect else 1

    def _give_up(self) -> None:
        """A supervisor that has failed cannot keep its children running: whoever started it can."""
        self._defect = True
        self._stopping.set()

    def _family(self, listener: socket.socket, standin: StandIn, registry: Registry) -> Family:
        commands = Commands(
            settings=self._settings,
            config_path=self._config_path,
            data_dir=self._data_dir,
            listen_fd=listener.fileno(),
            lock_fd=self._lock.fd,
            handed_fd=self._handed_fd,
            standin=standin,
        )
        return Family(
            [commands.worker(index, registry.changed) for index in range(self._workers)],
            commands.control(registry.changed),
            commands.simulated(registry.changed),
        )

    def _obey_signals(self, family: Family) -> None:
        # Only here is a repetition counted: a service manager signals every process once, and the workers
        # hear of it from the supervisor too.
        def stop() -> None:
            if self._stopping.is_set():
                self._now.set()
            self._stopping.set()

        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, stop)
        loop.add_signal_handler(signal.SIGHUP, family.reload)

    async def _until_ready(self, family: Family) -> str:
        """Return "" when all serve, or when it is time to stop; else why the gateway cannot serve."""
        ready = tasks.spawn(family.ready(), "ready")
        stopping = tasks.spawn(self._stopping.wait(), "stopping")
        await asyncio.wait({ready, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if ready.done():
            return ready.result()
        ready.cancel()
        return ""

    def _announce(self, listener: socket.socket, standin: StandIn) -> None:
        tls = self._settings.server.tls is not None
        announce(
            url_of(listener, tls=tls),
            local_url_of(listener, tls=tls),
            self._workers,
            secret=standin.secret,
            snapshot=snapshot_file.read(self._data_dir.snapshot),
            simulated=standin.listener is not None,
        )


def _check(tls: Tls) -> None:
    """StartError where the workers could not use it."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except OSError as exc:
        raise StartError(f"server.tls: cannot use {tls.certificate} and {tls.key}: {exc}") from exc
