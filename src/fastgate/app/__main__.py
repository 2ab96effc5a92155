"""`python -m fastgate.app ARGUMENT`: one worker. Started by the supervisor only."""

import sys

import uvloop

import fastgate.app.allocator  # noqa: F401  # first, for what it sets
from fastgate.app.build import build_data_plane
from fastgate.app.worker import serve
from fastgate.launch import WorkerLaunch, parse
from fastgate.observability import log
from fastgate.store.processes import worker_name


def main() -> int:
    launch = parse(WorkerLaunch)
    log.configure(launch.log_level, launch.log_file, worker_name(launch.index))
    return uvloop.run(serve(launch, build_data_plane))


if __name__ == "__main__":
    sys.exit(main())
