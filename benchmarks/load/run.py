"""CPU microseconds a request of the gateway's process tree, beside nginx as a proxy in the same run.

    python -m benchmarks.load.run [--seconds 5] [--rounds 3] [--connections 32] [--workers 2]

Needs nginx and wrk. Contestants take turns for several rounds; medians and the ratio to nginx go to
benchmarks/results/load.json with every raw number. wrk is a closed loop: its latencies under
saturation are not what an open loop would see.
"""

import argparse
import platform
import re
import shutil
import statistics
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from benchmarks.load.contestants import SECRET, Contestant, cpu_seconds, rss_bytes, running

RESULTS = Path(__file__).parents[1] / "results"
SCRIPT = Path(__file__).with_name("chat.lua")
_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def measure(contestant: Contestant, connections: int, seconds: int) -> dict[str, float]:
    """One turn: warm up for a second, then load. Raises SystemExit on any answer but 200."""
    _wrk(contestant, connections, 1)
    before = cpu_seconds(contestant.pid)
    output = _wrk(contestant, connections, seconds)
    cpu_s = cpu_seconds(contestant.pid) - before
    requests = int(_find(r"(\d+) requests in", output))
    if "Non-2xx" in output or "Socket errors" in output:
        raise SystemExit(f"{contestant.name} answered with errors:\n{output}")
    return {
        "requests": requests,
        "cpu_us_per_request": cpu_s / requests * 1e6,
        "requests_per_s": float(_find(r"Requests/sec:\s+([\d.]+)", output)),
        "p50_us": _latency("50%", output),
        "p99_us": _latency("99%", output),
        "pss_mb": rss_bytes(contestant.pid) / 1e6,
    }


def _wrk(contestant: Contestant, connections: int, seconds: int) -> str:
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--latency",
        "-s",
        str(SCRIPT),
        contestant.url,
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env={"BENCH_SECRET": SECRET, "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    return done.stdout


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"wrk's output has no {pattern!r}:\n{text}")
    return found[1]


def _latency(percentile: str, text: str) -> float:
    value, unit = re.search(percentile + r"\s+([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]  # wrk prints it always
    return float(value) * _UNITS[unit]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    for tool in ("nginx", "wrk"):
        if shutil.which(tool) is None:
            raise SystemExit(f"{tool} is not installed; both are in Debian's packages")
    raw: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), options.workers) as contestants:
        for _ in range(options.rounds):
            for contestant in contestants:
                turn = measure(contestant, options.connections, options.seconds)
                raw.setdefault(contestant.name, []).append(turn)
                print(contestant.name, {name: round(value, 1) for name, value in turn.items()}, flush=True)
    medians = {
        name: {figure: statistics.median(turn[figure] for turn in turns) for figure in turns[0]}
        for name, turns in raw.items()
    }
    ratios = {
        f"{name}/{other}": {
            figure: medians[name][figure] / medians[other][figure] for figure in medians[other]
        }
        for name, other in (("fastgate", "nginx"), ("governed", "fastgate"))
    }
    result: dict[str, Any] = {
        "options": vars(options),
        "machine": {"python": platform.python_version(), "kernel": platform.release(), "cpu": _cpu()},
        "versions": {
            name: version(name) for name in ("fastgate", "granian", "uvloop", "msgspec", "httptools")
        },
        "raw": raw,
        "medians": medians,
        "ratios": ratios,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"load-c{options.connections}-w{options.workers}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    for pair, figures in ratios.items():
        print(pair, {figure: round(ratio, 2) for figure, ratio in figures.items()})


def _cpu() -> str:
    return _find(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())


if __name__ == "__main__":
    main()
