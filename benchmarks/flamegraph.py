"""python -m benchmarks.flamegraph [--configuration governed] [--seconds 10] …

Flame graphs of a worker under load, Python's frames and native ones in one: build/profile/whole.svg of calls
of 1 KB, build/profile/stream.svg of open streams. FASTGATE_SERVER__EDGE chooses the edge.

They show the moments in which the worker holds the interpreter's lock: what the event loop does without it,
waiting for sockets and reading from them, is not in them, nor are granian's threads. py-spy interrupts the
worker for each sample, and so must be allowed to (root, or kernel.yama.ptrace_scope=0).
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.micro.configurations import MODEL, NAMES, SECRET, STREAM, configuration
from benchmarks.suite.processes import free_port, running, wait_for
from benchmarks.suite.programs import PROGRAMS, not_built
from tests.support.gateway_process import GatewayProcess

OUTPUT: Final = Path(__file__).parents[1] / "build/profile"
PY_SPY: Final = Path(sys.executable).with_name("py-spy")
PROSE: Final = "The quick brown fox jumps over the lazy dog. " * 20
_BODY: Final = '{"model":"%s","messages":[{"role":"user","content":"%s"}],"temperature":0.2%s}'
BODIES: Final = {
    "whole": _BODY % (MODEL, PROSE, ""),
    "stream": _BODY % (STREAM, PROSE, ',"stream":true'),
}
WARM_UP_S: Final = 2
RATE_HZ: Final = 200


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flamegraph", description=__doc__)
    parser.add_argument("--configuration", choices=NAMES, default="governed")
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--connections", type=int, default=32, help="of whole calls")
    parser.add_argument("--streams", type=int, default=200)
    given = parser.parse_args(arguments)
    missing = [why for name in ("upstream", "load") if (why := not_built(name)) is not None]
    if not PY_SPY.exists():
        missing.append(f"py-spy is not installed in {PY_SPY.parent}")
    if missing:
        print(*missing, sep="\n", file=sys.stderr)
        return 1
    OUTPUT.mkdir(parents=True, exist_ok=True)
    loads = {
        "whole": ["-connections", str(given.connections)],
        "stream": ["-stream", "-streams", str(given.streams)],
    }
    with tempfile.TemporaryDirectory() as name, _gateway(Path(name), given.configuration) as gateway:
        for kind, options in loads.items():
            body, log = Path(name) / f"{kind}.json", Path(name) / f"{kind}.log"
            body.write_text(BODIES[kind])
            load = [str(PROGRAMS / "load"), "-url", f"{gateway.base_url}/chat/completions", "-mode", "closed"]
            load += ["-body", str(body), "-header", "content-type: application/json", *options]
            load += ["-header", f"authorization: Bearer {SECRET}"]
            load += ["-warmup", f"{WARM_UP_S}s", "-duration", f"{given.seconds + WARM_UP_S}s"]
            with running(load, log):
                code = _record(gateway.pids()["worker-1"], OUTPUT / f"{kind}.svg", given.seconds)
            if code:
                return code
    return 0


def _record(pid: int, output: Path, seconds: int) -> int:
    how = ["--native", "--gil", "--rate", str(RATE_HZ), "--duration", str(seconds), "--format", "flamegraph"]
    command = [str(PY_SPY), "record", *how, "--output", str(output), "--pid", str(pid)]
    return subprocess.run(command, check=False).returncode


@contextmanager
def _gateway(directory: Path, name: str) -> Iterator[GatewayProcess]:
    """One worker, its log in a file, in front of the simulated provider."""
    port = free_port()
    listen = [str(PROGRAMS / "upstream"), "-listen", f"127.0.0.1:{port}"]
    blocks = {"server": {"workers": 1}, "logging": {"file": str(directory / "fastgate.log")}}
    config = configuration(name, port, **blocks)
    with running(listen, directory / "upstream.log") as upstream:
        wait_for(port, upstream, 10)
        with GatewayProcess(config, directory) as gateway:
            yield gateway


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
