"""The control process from start to end. The data plane serves on while it is away."""

import asyncio
import gc
import signal
import socket

from fastgate import tasks
from fastgate.control import handover
from fastgate.control.books import Books
from fastgate.control.http import BACKLOG, ControlServer
from fastgate.control.identities.identities import Identities
from fastgate.control.messages import ReloadResult
from fastgate.control.publish import Publisher
from fastgate.control.reloader import Reloader
from fastgate.control.rounds import Rounds
from fastgate.control.routes import routes
from fastgate.control.sole import Sole
from fastgate.control.status import StatusReader
from fastgate.launch import ControlLaunch, Lifeline
from fastgate.observability.loop_errors import report_loop_errors
from fastgate.observability.metrics import Metrics, directory_of
from fastgate.store import counters as counters_file
from fastgate.store.counters import Header
from fastgate.store.data_dir import DataDir
from fastgate.store.keys import KeyStore, keys_path
from fastgate.store.processes import CONTROL
from fastgate.store.sockets import listen

STOP_S = 2.0
OPEN_RETRY_S = 5.0


async def serve(launch: ControlLaunch) -> int:
    """Publish, then answer and watch until the supervisor ends the lifeline. The result is the exit code."""
    report_loop_errors()
    gc.disable()  # at the start nearly all that is made is kept, and looking through it takes time
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    # A service manager signals every process of the gateway, and this one is of use until the workers have
    # drained: the supervisor ends it then.
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, _stay)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    lifeline = Lifeline(launch.lifeline_fd)
    lifeline.watch(stop.set)
    data_dir = DataDir(launch.data_dir)
    try:
        await Sole(data_dir.control_lock).take()
        counters = counters_file.attach(data_dir)
        metrics = Metrics(directory_of(data_dir.path), CONTROL, launch.max_series)
        store = KeyStore(keys_path(data_dir.path))
        listener = listen(data_dir.control_socket, socket.SOCK_STREAM, BACKLOG)
        books = Books(data_dir, metrics, fresh=not counters.header_load(Header.GENERATION))
        reloader = Reloader(Publisher(launch, data_dir, counters, store, books, metrics=metrics), counters)
        loop.add_signal_handler(signal.SIGHUP, reloader.signalled)
        if launch.running["ledger.url"] is None:
            books.open_ahead(None)  # what is handed over is still being compiled
        # Also after a restart: the configuration may have changed while nobody watched.
        result = reloader.first(handover.take(launch.handed_fd))
    except Exception as exc:
        # Whatever it is, the supervisor has to know: without a word it would go on starting this process.
        lifeline.report(f"control process: {type(exc).__name__}: {exc}")
        return 1
    with store:
        if not result.generation:
            lifeline.report(_reasons(result))
            return 1
        identities = Identities(reloader.publisher)
        status = StatusReader(reloader.publisher, counters, identities.logins).read
        server = ControlServer(routes(reloader.reload_everywhere, status, books.usage, identities.handed_out))
        await server.start(listener)
        rounds = Rounds(books)
        reloading = (
            tasks.spawn(reloader.watch(), "watch configuration"),
            tasks.spawn(reloader.obey_signals(), "reload on signals"),
            tasks.spawn(reloader.tidy(), "give shared slots free"),
            tasks.spawn(_open_ledger(books, reloader), "open the ledger"),
            tasks.spawn(rounds.drain(), "drain journals"),
            tasks.spawn(rounds.check(), "compare counters"),
            tasks.spawn(rounds.retire(), "archive old entries"),
            tasks.spawn(identities.run(), "keep identities fresh"),
        )
        gc.enable()
        gc.freeze()
        lifeline.report()
        await stop.wait()
        for task in reloading:
            task.cancel()
        await server.stop(STOP_S)
        rounds.close()
        data_dir.control_socket.unlink(missing_ok=True)
    counters.close()
    return 0


async def _open_ledger(books: Books, reloader: Reloader) -> None:
    """A process that was started again while the ledger was away, or the configuration broken, tries until it
    has the ledger: workers go on, and their journals grow."""
    while books.keeper is None:
        await asyncio.sleep(OPEN_RETRY_S)
        if books.keeper is None:
            reloader.reload()


def _stay() -> None:
    """SIGTERM is not for this process."""


def _reasons(result: ReloadResult) -> str:
    return "\n".join(str(diagnostic) for diagnostic in result.diagnostics)
