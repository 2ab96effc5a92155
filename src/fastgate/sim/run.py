"""Runs the simulated provider: its socket, its banner, its processes."""

import asyncio
import multiprocessing
import os
import signal
import socket
import sys

import msgspec
import uvloop

from fastgate import tasks
from fastgate.downstream.server import GranianServer
from fastgate.launch import Lifeline
from fastgate.sim.app import SimApp
from fastgate.sim.options import SimOptions

_BACKLOG = 2048
_MAX_CONCURRENT = 65_536
_GRACE_S = 2.0  # a stalled answer never ends, so shutting down cannot wait for it
_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGCHLD})

_BANNER = """\
fastgate sim: SIMULATED provider. Answers are canned text, no language model is behind them.
listening on {url}
"""


def serve(options: SimOptions) -> int:
    """Serve until SIGTERM or SIGINT; 0 then. Raises OSError where it cannot listen."""
    with _listening_socket(options) as sock:
        if options.workers == 1:
            # The gateway that started it has a banner of its own.
            uvloop.run(_serve(sock, options, banner=options.lifeline_fd is None))
            return 0
        return _serve_in_processes(sock, options)


def _listening_socket(options: SimOptions) -> socket.socket:
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    sock = socket.create_server((options.host, options.port), family=family, backlog=_BACKLOG)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit it
    return sock


def _serve_in_processes(sock: socket.socket, options: SimOptions) -> int:
    """Fork the workers, which share the socket; all end when one ends or a signal comes."""
    context = multiprocessing.get_context("fork")
    workers = []
    for number in range(options.workers):
        own = msgspec.structs.replace(options, seed=options.seed + number)
        workers.append(context.Process(target=_work, args=(sock, own), daemon=True))
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    for worker in workers:
        worker.start()
    _print_banner(sock)
    received = signal.sigwait(_SIGNALS)
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join()
    return 1 if received == signal.SIGCHLD else 0


def _work(sock: socket.socket, options: SimOptions) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    uvloop.run(_serve(sock, options, banner=False))


def _print_banner(sock: socket.socket) -> None:
    host, port = sock.getsockname()[:2]
    host = f"[{host}]" if ":" in host else host
    sys.stdout.write(_BANNER.format(url=f"http://{host}:{port}/v1"))
    sys.stdout.flush()


async def _serve(sock: socket.socket, options: SimOptions, *, banner: bool) -> None:
    fd = os.dup(sock.fileno())  # the server closes its own
    server = GranianServer(SimApp(options), fd, backlog=_BACKLOG, backpressure=_MAX_CONCURRENT)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # The gateway that started it needs it until its workers have drained, also where a service manager
    # signals every process: then only the end of the lifeline ends it.
    on_signal = stop.set if options.lifeline_fd is None else _stay
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    if options.lifeline_fd is not None:
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # the supervisor's
    serving = tasks.spawn(server.serve(), "sim server")
    if options.lifeline_fd is not None:
        lifeline = Lifeline(options.lifeline_fd)
        lifeline.watch(stop.set)
        lifeline.report()
    if banner:
        _print_banner(sock)
    stopping = tasks.spawn(stop.wait(), "sim stop signal")
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.stop()
    await asyncio.wait({serving}, timeout=_GRACE_S)
    await tasks.cancel_all()


def _stay() -> None:
    """A signal that is not for this process."""
