"""A worker's data plane in this process."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from benchmarks.micro.configurations import configuration
from tests.support.worker_process import Published

from fastgate.app.build import WorkerDataPlane, build_data_plane
from fastgate.app.context import WorkerContext
from fastgate.observability import log

NO_PORT: Final = 9
"""Nobody listens there: nothing may connect."""


@asynccontextmanager
async def data_plane(name: str, *, log_requests: bool) -> AsyncIterator[WorkerDataPlane]:
    """As a worker builds it. The log, which is one for the process, goes to a file that is thrown away."""
    given = configuration(name, NO_PORT, logging={"requests": log_requests})
    with tempfile.TemporaryDirectory() as directory:
        log.configure("info", f"{directory}/log", "benchmark")
        published = Published(Path(directory), given)
        result = published.publisher.publish()
        assert result.ok, result
        snapshot = published.publisher.current()
        published.store.close()  # LMDB opens a file once in a process
        plane = build_data_plane(
            WorkerContext(
                index=0,
                data_dir=published.data_dir,
                counters=published.counters,
                snapshot=snapshot,
                metrics_enabled=True,
                max_series=10_000,
            )
        )
        try:
            yield plane
        finally:
            await plane.aclose()
            log.close()
            published.close()
