"""One worker process: the data plane on the inherited socket, from the first snapshot to the drain."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastgate import tasks
from fastgate.app.context import DataPlane, WorkerContext
from fastgate.app.follower import SnapshotFollower
from fastgate.app.stop import Stop
from fastgate.app.timers import Periodic
from fastgate.downstream import edges
from fastgate.launch import Lifeline, WorkerLaunch
from fastgate.observability import log
from fastgate.observability.loop_errors import report_loop_errors
from fastgate.store import counters as counters_file
from fastgate.store.data_dir import DataDir
from fastgate.store.processes import worker_name

T = TypeVar("T")

# How soon a worker sees a new configuration.
SNAPSHOT_POLL_S = 0.1
# The server is done with a response a moment before its exchange is.
SETTLE_S = 1.0
_LOOK_S = 0.005
# After the terminal errors are written, the time that their bytes have to leave.
FLUSH_S = 2.0


async def serve(launch: WorkerLaunch, build: Callable[[WorkerContext], DataPlane]) -> int:
    """Run until told to stop. The result is the exit code: 0 where the end was asked for."""
    report_loop_errors()
    lifeline = Lifeline(launch.lifeline_fd)
    stop = Stop(lifeline)
    data_dir = DataDir(launch.data_dir)
    process = worker_name(launch.index)
    try:
        counters = counters_file.attach(data_dir)
        follower = SnapshotFollower(data_dir, counters, process)
        snapshot = await _unless(stop.requested, follower.first())
        if snapshot is None:
            return 0
        context = WorkerContext(
            index=launch.index,
            data_dir=data_dir,
            counters=counters,
            snapshot=snapshot,
            metrics_enabled=launch.metrics_enabled,
            max_series=launch.max_series,
        )
        plane = build(context)
        server = edges.server(
            launch.edge,
            plane.handler,
            launch.listen_fd,
            backlog=launch.backlog,
            backpressure=launch.max_concurrent_requests,
            keep_alive_s=launch.keep_alive_s,
            head_timeout_s=launch.head_timeout_s,
            tls=launch.tls,
        )
    except Exception as exc:
        # Whatever it is, the supervisor has to know: without a word it would go on starting workers.
        lifeline.report(f"{process}: {type(exc).__name__}: {exc}")
        return 1
    follower.in_use(snapshot.generation, complete=plane.complete)
    poll = Periodic(SNAPSHOT_POLL_S, lambda: follower.poll(plane.apply))
    # What is alive now lives as long as the process: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    await _unless(stop.requested, plane.prepare())
    serving = tasks.spawn(server.serve(), "server")
    lifeline.report()
    await _first_of(serving, stop.requested)
    failed = serving.done()
    if failed:
        log.event("error", "the HTTP server ended by itself")
    await _end(plane, server, serving, launch.drain_s, stop)
    poll.close()
    await tasks.cancel_all()
    counters.close()
    return 1 if failed else 0


async def _end(
    plane: DataPlane, server: edges.Server, serving: asyncio.Task[None], drain_s: float, stop: Stop
) -> None:
    """Let the open requests finish, for `drain_s` or until `stop.now`; then cut off the others. Where a
    successor serves, what clients send meanwhile is answered too."""
    if stop.superseded:
        server.retire()
    else:
        plane.start_drain()
        server.stop()
    with suppress(TimeoutError):
        async with asyncio.timeout(drain_s):
            await _first_of(serving, stop.now)
    if stop.superseded:
        plane.start_drain()
        server.stop()
    if serving.done():
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while plane.in_flight():  # noqa: ASYNC110 (the server tells when it is done, nobody tells this)
                    await asyncio.sleep(_LOOK_S)
    if open_requests := plane.in_flight():
        log.event("warning", "requests cut off at the end of the drain", requests=open_requests)
    await plane.aclose()
    await asyncio.wait({serving}, timeout=FLUSH_S)


async def _unless(event: asyncio.Event, coro: Coroutine[Any, Any, T]) -> T | None:
    """What `coro` returns, or None where the event comes first."""
    task = tasks.spawn(coro, "first")
    await _first_of(task, event)
    if task.done():
        return task.result()
    task.cancel()
    return None


async def _first_of(task: asyncio.Task[object], event: asyncio.Event) -> None:
    """Return when the task is done or the event is set; the task goes on."""
    waiting = tasks.spawn(event.wait(), "event")
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
