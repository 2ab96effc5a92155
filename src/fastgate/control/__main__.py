"""`python -m fastgate.control ARGUMENT`: the control process. Started by the supervisor only."""

import sys

import uvloop

from fastgate.control.process import serve
from fastgate.launch import ControlLaunch, parse
from fastgate.observability import log
from fastgate.store.processes import CONTROL


def main() -> int:
    launch = parse(ControlLaunch)
    log.configure(launch.log_level, launch.log_file, CONTROL)
    return uvloop.run(serve(launch))


if __name__ == "__main__":
    sys.exit(main())
