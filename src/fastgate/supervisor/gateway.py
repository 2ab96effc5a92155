"""A running gateway: its listening socket, its children, and the signals that it obeys."""

import asyncio
import itertools
import os
import signal
import socket
import ssl
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Final

from fastgate import __version__, tasks
from fastgate._core.shm import SharedSlots
from fastgate.config.restart import restart_only
from fastgate.config.server_settings import Tls
from fastgate.config.settings import Settings
from fastgate.observability import log
from fastgate.observability.loop_errors import report_loop_errors
from fastgate.observability.metrics import fresh_directory
from fastgate.store import counters as counters_file
from fastgate.store import layout, processes
from fastgate.store import snapshot as snapshot_file
from fastgate.store.data_dir import DataDir
from fastgate.supervisor import notify
from fastgate.supervisor.announce import announce
from fastgate.supervisor.commands import Commands
from fastgate.supervisor.cores import usable_cores
from fastgate.supervisor.errors import StartError
from fastgate.supervisor.family import Family
from fastgate.supervisor.listener import listen, local_url_of, url_of
from fastgate.supervisor.lock import Lock
from fastgate.supervisor.orphans import adopt
from fastgate.supervisor.predecessor import Predecessor
from fastgate.supervisor.registry import Registry
from fastgate.supervisor.standin import StandIn, prepare
from fastgate.supervisor.succession import START_S, Offer, Refusal
from fastgate.supervisor.successor import Succession
from fastgate.supervisor.upgrade import CONTAINER, INIT, Upgrade

_READY_S: Final = START_S - 5.0
"""In which one with a predecessor is ready, or gives up before that one does."""


class Gateway:
    """Made under the lock of its data directory, or with a predecessor, whose place it takes.

    `command` starts a successor: see `upgrade`.
    """

    def __init__(
        self,
        settings: Settings,
        handed_fd: int,
        config_path: Path | None,
        data_dir: DataDir,
        lock: Lock,
        *,
        predecessor: Predecessor | None,
        command: Sequence[str],
    ) -> None:
        self._settings = settings
        self._handed_fd = handed_fd
        self._config_path = config_path
        self._data_dir = data_dir
        self._lock = lock
        self._predecessor = predecessor
        self._workers = settings.server.workers or usable_cores()
        self._upgrade = Upgrade(command)
        self._stopping = asyncio.Event()
        self._now = asyncio.Event()
        self._defect = False
        self._leads = predecessor is None
        self._superseded = False

    async def run(self) -> int:
        """Serve until a signal, or until a successor does. 0: ended in order. StartError: it never served."""
        server = self._settings.server
        report_loop_errors(then=self._give_up)
        adopt()
        if server.tls is not None:
            _check(server.tls)
        counters, registry, workers = self._registered()
        with self._listener() as listener:
            secret = None if self._predecessor is None else self._predecessor.secret
            standin = prepare(self._settings, self._config_path, os.environ, secret=secret)
            family = self._family(listener, standin, registry, workers)
            self._obey_signals(family)
            if self._predecessor is not None:
                await self._predecessor.step_aside()
            family.start()
            refusal = await self._until_ready(family)
            if not refusal and not self._stopping.is_set():
                refusal = await self._serve(family, registry, listener, standin)
        if not refusal:
            log.event("info", "stopping: open requests may finish", drain_s=server.drain_s)
        if self._predecessor is not None and not self._leads:
            await family.give_back()
            self._predecessor.close()
            self._superseded = True
        elif not self._superseded:
            notify.tell("STOPPING=1")
        orderly = await family.drain(server.drain_s, self._now, superseded=self._superseded)
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

    def _registered(self) -> tuple[SharedSlots, Registry, range]:
        """The shared slots, and the indexes of the workers: none of them runs."""
        try:
            if self._predecessor is None:
                fresh_directory(self._data_dir.path)
                counters = counters_file.create(self._data_dir)
            else:
                counters = counters_file.attach(self._data_dir)
            workers = _free(processes.taken(counters), self._workers)
            max_series = self._settings.metrics.max_series
            return counters, Registry(counters, self._data_dir.path, max_series, workers), workers
        except OSError as exc:
            raise StartError(f"data_dir: cannot use {self._data_dir.path}: {exc.strerror}") from exc

    def _listener(self) -> socket.socket:
        """Also what waits in the queue of the predecessor's is served: it is the same."""
        server = self._settings.server
        if self._predecessor is None:
            return listen(server.host, server.port, server.backlog)
        self._predecessor.listener.listen(server.backlog)
        return self._predecessor.listener

    def _family(
        self, listener: socket.socket, standin: StandIn, registry: Registry, workers: range
    ) -> Family:
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
            [commands.worker(index, registry.changed) for index in workers],
            lambda: commands.control(registry.changed),
            commands.simulated(registry.changed),
        )

    async def _serve(
        self, family: Family, registry: Registry, listener: socket.socket, standin: StandIn
    ) -> str:
        """All children do. Return "" at the end, or why a predecessor does not make room."""
        try:
            succession = Succession(
                self._data_dir.upgrade_socket,
                self._offer(standin),
                listener=listener,
                lock=self._lock,
                family=family,
                registry=registry,
            )
        except OSError as exc:
            return f"data_dir: no socket in {self._data_dir.path}: {exc.strerror}"
        succeeding = None
        if self._predecessor is not None:
            try:
                await self._predecessor.retire()
            except StartError as exc:
                succession.close()
                return str(exc)
            succeeding = tasks.spawn(self._succeed(self._predecessor, registry), "succeed")
        self._leads = True
        registry.lead()
        succession.lead()
        handed_over = tasks.spawn(succession.run(), "succession")
        handed_over.add_done_callback(lambda _: self._stopping.set())
        self._announce(listener, standin)
        notify.tell("READY=1")
        await self._stopping.wait()
        self._superseded = succession.succeeded
        for task in (handed_over, succeeding):
            if task is not None:
                task.cancel()
        succession.close()
        return ""

    async def _succeed(self, predecessor: Predecessor, registry: Registry) -> None:
        """What is left to do while it drains, and when it has ended."""
        await self._lock.take_over()
        try:
            layout.write(self._data_dir)
        except OSError as exc:  # the number of the layout is the same, or it could not have taken over
            log.event("warning", "the directory names an older version", reason=str(exc))
        await predecessor.ended()
        await registry.forget_others()
        log.event("info", "the predecessor has ended")

    def _offer(self, standin: StandIn) -> Offer | Refusal:
        if os.getpid() == INIT:
            return Refusal(CONTAINER)
        return Offer(__version__, layout.Running(), restart_only(self._settings), standin.secret)

    def _obey_signals(self, family: Family) -> None:
        # Only here is a repetition counted: a service manager signals every process once, and the workers
        # hear of it from the supervisor too.
        told = False

        def stop() -> None:
            nonlocal told
            if told:
                self._now.set()
            told = True
            self._stopping.set()

        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, stop)
        loop.add_signal_handler(signal.SIGHUP, family.reload)
        loop.add_signal_handler(signal.SIGUSR2, self._upgrade.start)

    async def _until_ready(self, family: Family) -> str:
        """Return "" when all serve, or when it is time to stop; else why the gateway cannot serve."""
        ready = tasks.spawn(family.ready(), "ready")
        stopping = tasks.spawn(self._stopping.wait(), "stopping")
        limit_s = None if self._predecessor is None else _READY_S
        await asyncio.wait({ready, stopping}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if ready.done():
            return ready.result()
        ready.cancel()
        return "" if self._stopping.is_set() else f"it is not ready within {_READY_S:.0f} s"

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


def _free(taken: Set[int], count: int) -> range:
    """The lowest indexes of that many workers side by side."""
    first = next(start for start in itertools.count() if taken.isdisjoint(range(start, start + count)))
    return range(first, first + count)


def _check(tls: Tls) -> None:
    """StartError where the workers could not use it."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    except OSError as exc:
        raise StartError(f"server.tls: cannot use {tls.certificate} and {tls.key}: {exc}") from exc
