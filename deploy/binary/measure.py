"""Ways to get the same gateway, side by side: `python -m deploy.binary.measure TURNS NAME=COMMAND…`.

A turn starts each in an empty directory, asks its simulated provider, and prints what that took; the medians
are last. A binary has unpacked itself before its first turn.
"""

import http.client
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import psutil

REQUESTS: Final = 3_000
_ADDRESS: Final = re.compile(r"^  Address +http://([^/\s]+)", re.MULTILINE)
_KEY: Final = re.compile(r"^  Virtual key +(\S+)", re.MULTILINE)
_BODY: Final = msgspec.json.encode(
    {"model": "fastgate-sim", "messages": [{"role": "user", "content": "Hello!"}]}
)


class Turn(NamedTuple):
    first_answer_s: float
    start_cpu_s: float
    request_cpu_us: float
    """Of the workers."""
    private_mb: float
    """Of all processes, what they share with no other."""


def main(turns: int, commands: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as unpacked:
        environment = {"PATH": os.environ["PATH"], "FASTGATE_UNPACK_DIR": unpacked}
        for command in commands.values():
            subprocess.run([command, "--version"], env=environment, stdout=subprocess.DEVNULL, check=True)
        taken: dict[str, list[Turn]] = {name: [] for name in commands}
        for _ in range(turns):
            for name, command in commands.items():
                with tempfile.TemporaryDirectory() as directory:
                    turn = take(command, Path(directory), environment)
                taken[name].append(turn)
                print(name, *(f"{field}={value:.4g}" for field, value in turn._asdict().items()), flush=True)
    for name, rows in taken.items():
        medians = Turn(*map(statistics.median, zip(*rows, strict=True)))
        print("median", name, *(f"{field}={value:.4g}" for field, value in medians._asdict().items()))


def take(command: str, directory: Path, environment: dict[str, str]) -> Turn:
    started = time.monotonic()
    with subprocess.Popen(
        [os.path.abspath(command), "serve", "--port", "0"],
        cwd=directory,
        env={**environment, "TMPDIR": str(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as gateway:
        try:
            assert gateway.stdout is not None
            said = ""
            while not said.endswith("\n") or "\nfastgate ready on " not in f"\n{said}":
                said += gateway.stdout.readline() or sys.exit(f"{command} did not start:\n{said}")
            address, key = _ADDRESS.search(said), _KEY.search(said)
            assert address is not None
            assert key is not None
            connection = http.client.HTTPConnection(address[1])
            _ask(connection, key[1])
            first_answer = time.monotonic() - started
            parent = psutil.Process(gateway.pid)
            family = [parent, *parent.children(recursive=True)]
            workers = [process.pid for process in family if "fastgate.app" in process.cmdline()]
            start_cpu = sum(map(_cpu_s, (process.pid for process in family)))
            private = sum(process.memory_full_info().uss for process in family)
            for _ in range(REQUESTS // 10):
                _ask(connection, key[1])
            before = sum(map(_cpu_s, workers))
            for _ in range(REQUESTS):
                _ask(connection, key[1])
            request_cpu = (sum(map(_cpu_s, workers)) - before) / REQUESTS
        finally:
            gateway.terminate()
    return Turn(first_answer, start_cpu, request_cpu * 1e6, private / 1e6)


def _ask(connection: http.client.HTTPConnection, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/v1/chat/completions", _BODY, headers)
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"{response.status}: {response.read()!r}")
    response.read()


def _cpu_s(pid: int) -> float:
    """What the scheduler has counted, of all threads."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    main(int(sys.argv[1]), dict(argument.split("=", 1) for argument in sys.argv[2:]))
